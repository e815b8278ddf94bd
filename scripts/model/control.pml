/* The controller's rule of writing down before acting, for every interleaving.
 *
 * One rollout on one route. A promoter, somebody who takes it back, an applier that begins the next
 * run, looks that write what waits, and crashes share one controller and one journal, as
 * Sources/Promotion/Control has them: what happens between two awaits is atomic, an append is a
 * compare-and-set on the journal's length, and may fail with or without having written. `spin`
 * visits every state that can be reached and looks for a broken assertion or a standstill.
 *
 *   I1  the route has one incumbent at every length of the journal: each entry is lawful after
 *       those before it, in particular nothing is promoted that was taken back
 *   I2  entries are consecutive: an append that did not see the last entry writes nothing
 *   I6  from the moment a rollback is accepted the candidate of that run has no traffic again in
 *       the life of the process, and its run ends rolled back, also when its promotion was written
 *       first
 *       traffic that favours the candidate is never ahead of the journal
 */
#define RUNS 2
#define CRASHES 1
#define FAILURES 1

mtype = { none, live, promoted, back };       /* where the rollout stands */
mtype = { applies, promotes, rollsBack };     /* entries */

/* The journal: what a fold over it gives, and its length. */
byte length;
mtype written = none;
byte writtenRun;

/* The controller's memory, lost in a crash. */
byte seen;
mtype standing = none;
byte current;
byte retreat;          /* the run whose retreat waits to be written; 0 for none */
bool candidateServes;  /* by the published table */
byte accepted;         /* the last run whose rollback was accepted in this life */
byte life;

byte crashes;
byte failures;
byte acknowledged;     /* the last run whose rollback was answered with "it is done" */

/* The status as decisions see it: with a waiting retreat done. */
#define waits (retreat != 0 && retreat == current && (standing == live || standing == promoted))
#define isLive (!waits && standing == live)

inline publish() {
  candidateServes = !waits && (standing == live || standing == promoted);
  assert(!(candidateServes && accepted != 0 && accepted == current));
  /* The table may lag behind the journal, but favours nothing that the journal does not have. */
  assert(!candidateServes || current < writtenRun || written != none)
}

/* Folds what is new and drops a retreat that has nothing left to say. */
inline absorb() {
  seen = length; standing = written; current = writtenRun;
  if :: retreat != 0 && !waits -> retreat = 0 :: else fi
}

inline enter(entry) {
  if
  :: entry == applies -> assert(written != live); written = live; writtenRun++
  :: entry == promotes -> assert(written == live && acknowledged != writtenRun); written = promoted
  :: entry == rollsBack -> assert(written == live || written == promoted); written = back
  fi;
  length++
}

/* Appends what waits and what was decided, on `at` as the last entry seen. */
inline append(at, withRetreat, withEntry, entry, result) {
  if
  :: length == at ->
    if
    :: true ->
      if :: withRetreat -> enter(rollsBack) :: else fi;
      if :: withEntry -> enter(entry) :: else fi;
      result = 1
    :: failures < FAILURES -> failures++; result = 0
    :: failures < FAILURES ->  /* the answer is lost, not the entry */
      failures++;
      if :: withRetreat -> enter(rollsBack) :: else fi;
      if :: withEntry -> enter(entry) :: else fi;
      result = 0
    fi
  :: else -> result = 2
  fi
}

proctype promoter() {
  byte at, result, mine = life; bool taking;
  do
  :: atomic {
      if
      :: mine != life || !isLive -> break       /* refused, or its process is gone */
      :: else -> at = seen; taking = waits
      fi
    };
    atomic { if :: mine == life -> append(at, taking, true, promotes, result) :: else -> break fi };
    atomic {
      if
      :: mine != life -> break
      :: else -> if :: result == 0 -> break :: else -> absorb(); publish() fi
      fi;
      if :: result == 1 -> break :: else fi;
      at = 0; result = 0; taking = false
    }
  od;
  at = 0; result = 0; taking = false
}

proctype backer() {
  byte at, result, mine = life, which; bool taking;
  atomic {
    if
    :: mine == life && (isLive || (!waits && standing == promoted)) ->
      retreat = current; which = current; accepted = current; publish()
    :: else -> goto over
    fi
  };
  do
  :: atomic {
      if :: mine != life -> break :: else -> at = seen; taking = waits fi;
      /* Taken along by another append meanwhile. */
      if :: !taking -> acknowledged = which; break :: else fi
    };
    atomic { if :: mine == life -> append(at, taking, false, applies, result) :: else -> break fi };
    atomic {
      if
      :: mine != life || result == 0 -> break   /* looks go on trying */
      :: else -> absorb(); publish()
      fi;
      if :: result == 1 -> acknowledged = which; break :: else fi;
      at = 0; result = 0; taking = false
    }
  od;
  over: at = 0; result = 0; taking = false; which = 0
}

proctype applier() {
  byte at, result, mine = life; bool taking;
  do
  :: atomic {
      if
      :: mine != life || isLive || current == RUNS -> break
      :: else -> at = seen; taking = waits
      fi
    };
    atomic { if :: mine == life -> append(at, taking, true, applies, result) :: else -> break fi };
    atomic {
      if
      :: mine != life -> break
      :: else -> if :: result == 0 -> break :: else -> absorb(); publish() fi
      fi;
      if :: result == 1 -> break :: else fi;
      at = 0; result = 0; taking = false
    }
  od;
  at = 0; result = 0; taking = false
}

/* Looks: read what is new, write what waits. They are all that is left at the end. */
active proctype looks() {
  byte at, result, mine; bool taking;
  end: do
  :: atomic { mine = life; absorb(); publish(); at = seen; taking = waits };
    if
    :: taking ->
      atomic {
        if
        :: mine == life -> append(at, true, false, applies, result)
        :: else -> result = 0
        fi
      };
      atomic { if :: mine == life && result != 0 -> absorb(); publish() :: else fi }
    :: else ->
      /* Nothing waits: whoever's rollback was accepted in this life is rolled back for good. */
      atomic {
        if :: mine == life && accepted != 0 && accepted == current && seen == length ->
          assert(waits || standing == back) :: else fi
      };
      if :: _nr_pr == 1 && !waits -> break :: else fi
    fi;
    at = 0; result = 0; taking = false
  od;
  assert(accepted == 0 || accepted != writtenRun || written == back)
}

proctype crash() {
  do
  :: crashes == CRASHES -> break
  :: atomic {
      crashes < CRASHES -> crashes++;
      life++; retreat = 0; accepted = 0;
      seen = 0; standing = none; current = 0; candidateServes = false;
      absorb(); publish()                       /* resumes: folds the journal, then serves */
    }
  :: break
  od
}

init {
  atomic {
    run applier(); run applier(); run promoter(); run backer(); run backer(); run crash()
  }
}
