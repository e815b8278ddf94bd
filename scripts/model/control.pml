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
 *
 * With -DDROPS the second of two who take it back is a look that has the candidate leave, where
 * others go on without it: the rollout is live and the candidate, once its going is in force, has
 * no traffic again in the life of the process, is never promoted after the entry, and if its
 * promotion was written first the run is rolled back.
 */
#define RUNS 2
#define CRASHES 1
#define FAILURES 1

/* Where the rollout stands; `rest` is live without the candidate. */
mtype = { none, live, rest, promoted, back };
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
byte leaving;          /* the run whose candidate's going waits to be written; 0 for none */
byte gone;             /* the last run whose candidate's going was accepted in this life */
bool candidateServes;  /* by the published table */
byte accepted;         /* the last run whose rollback was accepted in this life */
byte life;

byte crashes;
byte failures;
byte acknowledged;     /* the last run whose rollback was answered with "it is done" */

/* The status as decisions see it: with a waiting retreat done. */
#define leaves (leaving != 0 && leaving == current && (standing == live || standing == promoted))
#define stands (standing == live || standing == rest || standing == promoted)
#define waits (retreat != 0 && retreat == current && stands)
#define isLive (!waits && !leaves && standing == live)
/* Whether another run may not begin: one whose candidate leaves is live, too. */
#define isBusy (!waits && (standing == live || standing == rest))
/* What an append takes along: 1 for a retreat, 2 for a going. */
#define burden ((waits -> 1 : 0) + (leaves -> 2 : 0))

inline publish() {
  candidateServes = !waits && !leaves && (standing == live || standing == promoted);
  assert(!(candidateServes && accepted != 0 && accepted == current));
  assert(!(candidateServes && gone != 0 && gone == current));
  /* The table may lag behind the journal, but favours nothing that the journal does not have. */
  assert(!candidateServes || current < writtenRun || written != none)
}

/* Folds what is new and drops a retreat that has nothing left to say. */
inline absorb() {
  seen = length; standing = written; current = writtenRun;
  if :: retreat != 0 && !waits -> retreat = 0 :: else fi;
  if :: leaving != 0 && !leaves -> leaving = 0 :: else fi
}

inline enter(entry) {
  if
  :: entry == applies -> assert(written != live && written != rest); written = live; writtenRun++
  :: entry == promotes -> assert(written == live && acknowledged != writtenRun); written = promoted
  :: entry == rollsBack ->
    assert(written == live || written == rest || written == promoted); written = back
  fi;
  length++
}

/* Enters what waits, each as it follows on what is before it. */
inline settle(what) {
  if
  :: what >= 2 && written == live -> written = rest; length++
  :: what >= 2 && written == promoted -> enter(rollsBack)
  :: else
  fi;
  if :: what % 2 == 1 && written != back -> enter(rollsBack) :: else fi
}

/* Appends what waits and what was decided, on `at` as the last entry seen. */
inline append(at, withRetreat, withEntry, entry, result) {
  if
  :: length == at ->
    if
    :: true ->
      settle(withRetreat);
      if :: withEntry -> enter(entry) :: else fi;
      result = 1
    :: failures < FAILURES -> failures++; result = 0
    :: failures < FAILURES ->  /* the answer is lost, not the entry */
      failures++;
      settle(withRetreat);
      if :: withEntry -> enter(entry) :: else fi;
      result = 0
    fi
  :: else -> result = 2
  fi
}

proctype promoter() {
  byte at, result, mine = life; byte taking;
  do
  :: atomic {
      if
      :: mine != life || !isLive -> break       /* refused, or its process is gone */
      :: else -> at = seen; taking = burden
      fi
    };
    atomic { if :: mine == life -> append(at, taking, true, promotes, result) :: else -> break fi };
    atomic {
      if
      :: mine != life -> break
      :: else -> if :: result == 0 -> break :: else -> absorb(); publish() fi
      fi;
      if :: result == 1 -> break :: else fi;
      at = 0; result = 0; taking = 0
    }
  od;
  at = 0; result = 0; taking = 0
}

proctype backer() {
  byte at, result, mine = life, which; byte taking;
  atomic {
    if
    :: mine == life && !waits && stands && !(standing == promoted && leaves) ->
      retreat = current; which = current; accepted = current; publish()
    :: else -> goto over
    fi
  };
  do
  :: atomic {
      if :: mine != life -> break :: else -> at = seen; taking = burden fi;
      /* Taken along by another append meanwhile. */
      if :: taking % 2 == 0 -> acknowledged = which; break :: else fi
    };
    atomic { if :: mine == life -> append(at, taking, false, applies, result) :: else -> break fi };
    atomic {
      if
      :: mine != life || result == 0 -> break   /* looks go on trying */
      :: else -> absorb(); publish()
      fi;
      if :: result == 1 -> acknowledged = which; break :: else fi;
      at = 0; result = 0; taking = 0
    }
  od;
  over: at = 0; result = 0; taking = 0; which = 0
}

proctype applier() {
  byte at, result, mine = life; byte taking;
  do
  :: atomic {
      if
      :: mine != life || isBusy || current == RUNS -> break
      :: else -> at = seen; taking = burden
      fi
    };
    atomic { if :: mine == life -> append(at, taking, true, applies, result) :: else -> break fi };
    atomic {
      if
      :: mine != life -> break
      :: else -> if :: result == 0 -> break :: else -> absorb(); publish() fi
      fi;
      if :: result == 1 -> break :: else fi;
      at = 0; result = 0; taking = 0
    }
  od;
  at = 0; result = 0; taking = 0
}

/* Looks: read what is new, write what waits. They are all that is left at the end. */
active proctype looks() {
  byte at, result, mine; byte taking;
  end: do
  :: atomic { mine = life; absorb(); publish(); at = seen; taking = burden };
    if
    :: taking != 0 ->
      atomic {
        if
        :: mine == life -> append(at, taking, false, applies, result)
        :: else -> result = 0
        fi
      };
      atomic { if :: mine == life && result != 0 -> absorb(); publish() :: else fi }
    :: else ->
      /* Nothing waits: whoever's rollback was accepted in this life is rolled back for good. */
      atomic {
        if :: mine == life && accepted != 0 && accepted == current && seen == length ->
          assert(waits || standing == back) :: else fi;
        if :: mine == life && gone != 0 && gone == current && seen == length ->
          assert(leaves || waits || standing == rest || standing == back) :: else fi
      };
      if :: _nr_pr == 1 && burden == 0 -> break :: else fi
    fi;
    at = 0; result = 0; taking = 0
  od;
  assert(accepted == 0 || accepted != writtenRun || written == back);
  assert(gone == 0 || gone != writtenRun || written == rest || written == back)
}

/* A look that has the candidate leave; who writes it down is whoever appends next. */
proctype dropper() {
  byte mine = life;
  atomic {
    if
    :: mine == life && isLive -> leaving = current; gone = current; publish()
    :: else
    fi
  }
}

proctype crash() {
  do
  :: crashes == CRASHES -> break
  :: atomic {
      crashes < CRASHES -> crashes++;
      life++; retreat = 0; accepted = 0; leaving = 0; gone = 0;
      seen = 0; standing = none; current = 0; candidateServes = false;
      absorb(); publish()                       /* resumes: folds the journal, then serves */
    }
  :: break
  od
}

init {
  atomic {
    run applier(); run applier(); run promoter(); run backer(); run crash();
#ifdef DROPS
    run dropper()
#else
    run backer()
#endif
  }
}
