/// A place in the vocabulary: 0 ..< `vocabularySize` of the tokenizer that made it.
package typealias Token = Int32
