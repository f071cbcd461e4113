-------------------------- MODULE CondvarLoopSafety --------------------------
(***************************************************************************)
(* What the proofs about CondvarLoop come to, in one theorem: every safety *)
(* property of its models, and the refinement of EventLoop, for any sets   *)
(* of submitters and stoppers, finite or not, and any number of callbacks  *)
(* each. The arguments are in the modules that this extends.               *)
(***************************************************************************)
EXTENDS CondvarLoopOnePage, CondvarLoopOrder, CondvarLoopSteps

THEOREM Safety ==
    Spec => /\ [](/\ TypeOK
                  /\ MutualExclusion
                  /\ NothingLost
                  /\ NothingRunsTwice
                  /\ FirstInFirstOut
                  /\ NothingAcceptedAfterClose)
            /\ RefinesEventLoop
            /\ RunsUnlocked
            /\ NoIdleIteration
  BY TypesHold, MutexHolds, NothingIsLost, ContractHolds, AfterClose, Refinement,
     ActionProperties, PTL DEF Spec, Steps

(* The two properties that need the wakeup. *)
THEOREM SafetyWithWakeups ==
    ASSUME Wakes PROVE Spec => []NoWakeupLost /\ RefinesLostWakeup
  BY NoWakeupIsLost, OnePageHolds, PTL
=============================================================================
