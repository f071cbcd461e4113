-------------------------- MODULE CondvarLoopOrder ---------------------------
(***************************************************************************)
(* Callbacks run in the order in which they were accepted, each at most    *)
(* once. EventLoopSafety proves that of the contract, and the refinement   *)
(* brings it down to CondvarLoop.                                          *)
(***************************************************************************)
EXTENDS CondvarLoopRefinement

(* The module that has the contract's proofs, with the same expressions in
   the place of its variables and constants as in CondvarLoop. *)
P == INSTANCE EventLoopSafety
     WITH snapshot <- Len(accepted) - Len(queue), PromptStop <- FALSE

(* The contract inside of P is the contract. *)
LEMMA SameInit == Contract!Init => P!Init
  BY DEF Contract!Init, P!Init

LEMMA SameNext == [Contract!Next]_(Contract!vars) => [P!Next]_(P!vars)
  BY DEF Contract!Next, P!Next, Contract!vars, P!vars, Contract!Submit, P!Submit, Contract!Refuse, P!Refuse,
     Contract!Cancel, P!Cancel, Contract!Stop, P!Stop, Contract!Start, P!Start, Contract!Iterate, P!Iterate,
     Contract!Run, P!Run, Contract!Return, P!Return, Contract!Close, P!Close, Contract!Terminating, P!Terminating,
     Contract!Pending, P!Pending, Contract!Range, P!Range, Contract!IterationIsOver, P!IterationIsOver

(* What EventLoopSafety proves of the contract holds of the loop. *)
THEOREM ContractHolds == Steps => [](FirstInFirstOut /\ NothingRunsTwice)
<1>2. {Wakes, FALSE} \subseteq BOOLEAN BY Constants
<1>1. P!TypeInv /\ P!FateInv /\ P!OrderInv => FirstInFirstOut /\ NothingRunsTwice
  <2>1. P!TypeInv /\ P!FateInv /\ P!OrderInv => P!FirstInFirstOut /\ P!NothingRunsTwice
    BY <1>2, P!Consequences
  <2>2. (P!FirstInFirstOut <=> FirstInFirstOut) /\ (P!NothingRunsTwice <=> NothingRunsTwice)
    BY DEF P!FirstInFirstOut, FirstInFirstOut, P!NothingRunsTwice, NothingRunsTwice, Contract!FirstInFirstOut, Contract!NothingRunsTwice, P!Position, Contract!Position
  <2> QED BY <2>1, <2>2
<1>3. P!Init /\ [][P!Next]_(P!vars) => [](P!TypeInv /\ P!FateInv /\ P!OrderInv)
  BY <1>2, P!InvariantHolds
<1> QED
  BY <1>1, <1>3, SameInit, SameNext, Refinement, PTL DEF RefinesEventLoop
=============================================================================
