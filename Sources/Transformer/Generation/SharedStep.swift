import Tensors

/// One token each for several sequences of the same weights, in one pass.
///
/// A sequence that fails (its cache is full, its logits are no numbers) leaves the others alone.
struct SharedStep {
  let executor: Executor

  /// - Parameter jobs: 1...`Scheduler.stepLimit`, all of the same weights
  /// - Returns: what came of each
  func run(_ jobs: [any SteppingJob]) -> [Result<Turn?, TransformerError>] {
    guard let weights = jobs.first?.weights else { return [] }
    let pass: ForwardPass
    do throws(TransformerError) {
      pass = try executor.pass(weights, isPrefill: false)
    } catch {
      return jobs.map { _ in .failure(error) }
    }
    var results: [Result<Turn?, TransformerError>?] = Array(repeating: nil, count: jobs.count)
    var rows: [SequenceRows] = []
    var places: [Int] = []
    for (place, job) in jobs.enumerated() {
      do throws(TransformerError) {
        rows.append(try job.beginStep(pass))
        places.append(place)
      } catch {
        results[place] = .failure(error)
      }
    }
    do throws(TransformerError) {
      let taking = places.map { jobs[$0] }
      let seconds = try compute(pass, rows, taking)
      rows = []
      for (row, place) in places.enumerated() {
        do throws(TransformerError) {
          results[place] = .success(try jobs[place].endStep(seconds: seconds[row]))
        } catch {
          results[place] = .failure(error)
        }
      }
    } catch {
      for place in places { results[place] = .failure(error) }
    }
    return results.map { $0 ?? .success(nil) }
  }

  /// Runs the pass and draws; returns what it cost each row.
  private func compute(
    _ pass: ForwardPass, _ rows: [SequenceRows], _ jobs: [any SteppingJob]
  ) throws(TransformerError) -> [Double] {
    guard !rows.isEmpty else { return [] }
    let begin = ContinuousClock.now
    let attention = try pass.run(rows)
    pass.computeLogits(rows: 0..<rows.count)
    let threads = pass.crew.size
    let common = (.now - begin).seconds - attention.seconds
    pass.forEach(jobs.count, grain: 1) { range, _ in
      for row in range { jobs[row].draw(from: pass.workspace.logits(row: row)) }
    }
    let charge = executor.yardstick.charge(
      max(0, common), rows: rows.count, of: pass.weights, threads: threads)
    return attention.ofSequences.map { charge + $0 }
  }
}
