/// Where an assignment unit stands on [0, 1): the same in every release, process and machine.
///
/// The salt becomes a SipHash-2-4 key (two hashes of its UTF-8 bytes under fixed keys) and the
/// unit is hashed under that key. So different salts give independent places, and no pair of salt
/// and unit can imitate another pair as a joined string could.
///
/// Changing anything here moves every user of every running experiment; golden values in the tests
/// stand guard.
package enum StableHash {
  /// The place of `unit` in the experiment that `salt` names, in [0, 1), in steps of 2⁻⁵³.
  ///
  /// Hashes bytes, not characters: a composed and a decomposed "é" are two units.
  ///
  /// - Parameters:
  ///   - salt: What makes experiments independent of each other.
  ///   - unit: What stays on one variant.
  ///   - draw: 0 for the assignment; any other number is a further draw, independent of it, as for
  ///     "is this request mirrored too?".
  /// - Returns: At least 0 and less than 1.
  package static func place(salt: String, unit: String, draw: UInt64 = 0) -> Double {
    hash(salt: salt, unit: unit, draw: draw).unitInterval
  }

  /// The 64 bits behind `place`.
  package static func hash(salt: String, unit: String, draw: UInt64 = 0) -> UInt64 {
    let key = (
      SipHash(key: (draw, 0)).hash(salt.utf8), SipHash(key: (draw, 1)).hash(salt.utf8)
    )
    return SipHash(key: key).hash(unit.utf8)
  }
}
