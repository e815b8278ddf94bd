// Files, before anything in them is looked at.
extension Explanation {
  static let fileTooLarge = Explanation(
    "The file is larger than 256 KiB and was not read.",
    because: """
      Nobody reviews a policy of that size, and a reader without a bound is a way to take a service
      down. Write one file for each model and each rollout.
      """)

  static let tooManyFiles = Explanation(
    "The folder has more than 256 policy files.",
    because: """
      The files of a folder are read together and checked against each other, so their number is
      bounded. Was the right folder named? Files in folders inside it are not read: put what is not
      in force there.
      """)

  static let unreadableFile = Explanation(
    "The file is not there, or cannot be read.",
    because: """
      A policy that was named and not read must not look like one that is right: the command ends
      with 2. Folders, pipes and devices whose names end in .yaml are not read either.
      """)

  static let emptyFolder = Explanation(
    "There is no .yaml or .yml file in the folder.",
    because: """
      Whoever names a folder takes it for one that has policies; nothing to check is not the same as
      nothing wrong. Folders inside it are not looked into.
      """)

  static let notUTF8 = Explanation(
    "The file is not UTF-8.",
    because: """
      Readers disagree about what other encodings mean. Save the file as UTF-8 without a byte order
      mark; `iconv -f latin1 -t utf-8` converts one.
      """)

  static let emptyDocument = Explanation(
    "The file has comments or blanks, and no document.",
    because: """
      A file that says nothing was probably cut off, or is named in error. Remove it, or begin it
      with its version and its kind.
      """,
    .file(
      "# Nothing here yet.",
      mended: """
        apiVersion: rollout/v1
        kind: Model
        name: smollm2-dense
        engine: { weights: model.gguf, attention: { kind: dense } }
        """))

  static let tooManyMistakes = Explanation(
    "The file has more than 100 mistakes; the others are not shown.",
    because: """
      Mend those that are shown and check again. So many mostly have one cause: a file of another
      kind, or an indentation that slipped.
      """)
}
