import Experimentation
import Foundation
import PolicyLanguage

/// The models that lie beside files which are named alone: whoever reviews one rollout does not
/// have to name the files of its models with it.
enum NeighbouringModels {
  /// The folders that the files among `paths` lie in, each once; none for folders, which bring
  /// their models, and for standard input.
  static func folders(of paths: [String]) -> [String] {
    var folders: [String] = []
    for path in paths where path != "-" && !PolicyFiles.isFolder(path) {
      let folder = URL(filePath: path).deletingLastPathComponent().path(percentEncoded: false)
      if !folders.contains(folder) { folders.append(folder) }
    }
    return folders
  }

  /// The names of models among `sources`. What has mistakes is left out: it is not what is asked
  /// about, and a model that is missed for that is reported as unknown.
  static func names(in sources: [PolicySource]) -> Set<ModelName> {
    var names: Set<ModelName> = []
    for source in sources {
      if case .model(let model) = try? PolicyParser.parse(source) { names.insert(model.name) }
    }
    return names
  }
}
