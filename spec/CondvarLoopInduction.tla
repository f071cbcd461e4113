------------------------- MODULE CondvarLoopInduction ------------------------
(***************************************************************************)
(* Why no wakeup is lost, however many threads there are.                  *)
(*                                                                         *)
(* That CondvarLoop has no reachable state in which a wakeup is lost says  *)
(* something about as many threads as the model has. An inductive          *)
(* invariant says more: it is true at first, and every step from any state *)
(* in which it is true, reachable or not, leads to one in which it is true.*)
(* So the model here does not begin where CondvarLoop begins, but in every *)
(* state of the right types in which Inv holds.                            *)
(*                                                                         *)
(* In plain words. The loop looks and begins to wait without letting go of *)
(* the mutex, so what it saw is still so when it waits: nothing to do, and *)
(* the flag is set. From then on only threads that hold the mutex can      *)
(* bring work. The first of them finds the flag set, so it is about to     *)
(* notify, and it does so before it lets the mutex go; the only thread in  *)
(* the wait set is the loop, so it is the loop that leaves it. Until it    *)
(* holds the mutex again, the flag may be clear and work may come in: it   *)
(* no longer waits, and it looks before it waits again.                    *)
(*                                                                         *)
(* Three threads stand for any number. Each conjunct speaks of the loop    *)
(* and of at most two others (MutualExclusion, of any two), and a step     *)
(* changes the place of at most one other thread. So a step that breaks a  *)
(* conjunct would break it already among the loop, the thread that takes   *)
(* the step, and one more.                                                 *)
(***************************************************************************)
EXTENDS CondvarLoop

(* Nothing can be left out of it: without any of the first four the rest is not
   inductive any more, and the last is what it is all for. That the flag is set
   only where the loop waits or has just woken is true as well, but not needed:
   a notification too many does no harm. *)
Inv ==
    /\ MutualExclusion
    /\ waitSet = IF pc[Loop] = "waiting" THEN {Loop} ELSE {}
    /\ pc[Loop] = "waiting" => asleep
    /\ pc[Loop] = "sleep" => NothingToDo
    /\ NoWakeupLost

(* The labels that the loop may be at, and those that any other thread may. *)
LoopLabels == {"idle", "run", "callback", "done", "waiting", "notified",
               "timed out", "submit", "stop", "notify", "unlock", "sleep",
               "take", "begin", "honour", "close", "return", "end"}
OtherLabels == {"ready", "done", "submit", "stop", "notify", "unlock"}

(* Every state of the right types in which Inv holds. Of the queue and of the
   batch, no step asks more than whether they are empty, so one callback stands
   for many. Each conjunct stands as early as it can, for the checkers' sake. *)
InductionInit ==
    /\ pc \in {[t \in Threads |-> IF t = Loop THEN label ELSE others[t]] :
                  label \in LoopLabels, others \in [Others -> OtherLabels]}
    /\ holder \in Threads \union {Nobody}
    /\ MutualExclusion
    /\ waitSet \in SUBSET {Loop}
    /\ asleep \in BOOLEAN
    /\ stopping \in BOOLEAN
    /\ closed \in BOOLEAN
    /\ queue \in {<<>>, <<<<Loop, 1>>>>}
    /\ Inv
    /\ batch \in {<<>>, <<<<Loop, 1>>>>}
    /\ submitted = [t \in Threads |-> 0]
    /\ accepted = <<>>
    /\ ran = <<>>
    /\ refused = {}
    /\ cancelled = {}
    /\ dropped = {}
    /\ phase \in {"idle", "running"}

(* What Inv and the guards speak of. States that agree on it are taken for one,
   so if Inv is inductive, no step leads to a state that is not there from the
   beginning: as many distinct states are found as there are initial ones, at
   depth 1. (`submitted' is left out too: how many are left decides whether a
   thread ends up at "ready" or "done", which are the same to Inv. A submitter
   here always has more to submit, and a stopper is always done.) *)
Protocol == <<holder, queue = <<>>, asleep, stopping, closed, waitSet, pc,
              batch = <<>>, phase = "idle">>
=============================================================================
