/// A sentence that tells who, where or what, and the question that only it answers.
///
/// The facts are made up: nothing else that a model has read answers them.
struct NeedleFact: Hashable, Sendable {
  /// One sentence.
  let sentence: String
  let question: String
  /// What an answer must say, all of it.
  let words: [String]

  /// A fixed set, so that numbers of different days compare. Ours.
  static let all = [
    NeedleFact(
      sentence: "The lighthouse of Corvane was painted orange by a sailor named Tobias Renn.",
      question: "Who painted the lighthouse of Corvane?", words: ["Renn"]),
    NeedleFact(
      sentence: "Doctor Amara Quill keeps her silver telescope in the cellar of the bakery.",
      question: "Where does Doctor Amara Quill keep her silver telescope?", words: ["bakery"]),
    NeedleFact(
      sentence: "Every autumn the village of Odderby gives its oldest goat a wreath of walnuts.",
      question: "What does the village of Odderby give its oldest goat every autumn?",
      words: ["walnut"]),
    NeedleFact(
      sentence: "The night train to Velmora leaves from a platform behind the old aquarium.",
      question: "From where does the night train to Velmora leave?", words: ["aquarium"]),
    NeedleFact(
      sentence: "The recipe for Brisket Hollow's famous soup was invented by Ingrid Falstrom.",
      question: "Who invented the recipe for Brisket Hollow's famous soup?",
      words: ["Falstrom"]),
    NeedleFact(
      sentence: "The last copy of the Pelican Atlas is buried under the chapel in Marrowgate.",
      question: "Where is the last copy of the Pelican Atlas buried?", words: ["Marrowgate"]),
    NeedleFact(
      sentence: "Captain Yusuf Brandt traded his ship for a collection of two hundred accordions.",
      question: "For what did Captain Yusuf Brandt trade his ship?", words: ["accordion"]),
    NeedleFact(
      sentence: "The password of the Saffron Society is a line about a sleeping rhinoceros.",
      question: "Which animal is sleeping in the password of the Saffron Society?",
      words: ["rhinoceros"]),
    NeedleFact(
      sentence: "The clock tower of Nimford was repaired by a beekeeper named Oswin Tarr.",
      question: "Who repaired the clock tower of Nimford?", words: ["Tarr"]),
    NeedleFact(
      sentence: "Professor Delphine Okoro lost her green bicycle on the island of Sandray.",
      question: "On which island did Professor Delphine Okoro lose her green bicycle?",
      words: ["Sandray"]),
    NeedleFact(
      sentence: "The robots of Tessaly Station are powered by a single enormous pumpkin.",
      question: "What are the robots of Tessaly Station powered by?", words: ["pumpkin"]),
    NeedleFact(
      sentence: "The best thing to do in Port Lumen is to ride the copper elephant at sunrise.",
      question: "What is the best thing to do in Port Lumen?", words: ["elephant"]),
  ]
}
