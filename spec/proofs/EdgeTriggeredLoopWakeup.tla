----------------------- MODULE EdgeTriggeredLoopWakeup -----------------------
(***************************************************************************)
(* No wakeup is lost in the design with an eventfd that nobody reads, for  *)
(* any number of threads and callbacks and any size of the counter.        *)
(*                                                                         *)
(* What was true of the byte is true of the edge: when the loop waits      *)
(* beside a callback, the selector has yet to report a write, or a thread  *)
(* is about to write. A thread that finds the counter full is still about  *)
(* to write.                                                               *)
(***************************************************************************)
EXTENDS EdgeTriggeredLoop, SelfPipeLoopWakeup

(* The steps that are SelfPipeLoop's own keep the types, as they do there. *)
LEMMA EdgeNextTypeInv == TypeInv /\ [EdgeNext]_vars => TypeInv'
<1> SUFFICES ASSUME TypeInv, [EdgeNext]_vars PROVE TypeInv' OBVIOUS
<1>1. ASSUME NEW t \in Others, EdgeWrite(t) PROVE TypeInv'
  BY <1>1, ThreadFacts, Constants DEF TypeInv, EdgeWrite, AfterSubmission, history, Goto
<1>2. CASE EdgeSelect
  BY <1>2, ThreadFacts DEF TypeInv, EdgeSelect, history, Goto
<1>3. CASE EdgeTimeout
  BY <1>3, ThreadFacts DEF TypeInv, EdgeTimeout, history, Goto
<1>4. CASE EdgeTerminating \/ UNCHANGED vars
  BY <1>4, NextTypeInv DEF EdgeTerminating
<1>5. ASSUME NEW t \in Others, Check(t) \/ Enqueue(t) PROVE TypeInv'
  BY <1>5, NextTypeInv DEF Next
<1>6. CASE Start \/ Look \/ Take \/ Run \/ Stop \/ CallSoon \/ Continue \/ Return \/ Close
  BY <1>6, NextTypeInv DEF Next
<1> QED BY <1>1, <1>2, <1>3, <1>4, <1>5, <1>6 DEF EdgeNext

EdgeInv ==
    pc[Loop] = "select" /\ mayBlock =>
        ready = <<>> \/ signalled \/ \E t \in Others : pc[t] = "write"

LEMMA InitEdge == Init => EdgeInv
  BY ThreadFacts DEF Init, EdgeInv

LEMMA NextEdge ==
    ASSUME Wakes PROVE TypeInv /\ EdgeInv /\ [EdgeNext]_vars => EdgeInv'
<1> SUFFICES ASSUME TypeInv, EdgeInv, [EdgeNext]_vars PROVE EdgeInv' OBVIOUS
<1>0. ready \in Seq(Callbacks) /\ pc = [t \in Threads |-> pc[t]] /\ ~Coalesces
  BY EdgeConstants DEF TypeInv
<1> USE <1>0, ThreadFacts DEF EdgeInv, history, Goto
<1>1. ASSUME NEW t \in Others, Check(t) PROVE EdgeInv'
  BY <1>1 DEF Check, AfterSubmission
<1>2. ASSUME NEW t \in Others, Enqueue(t) PROVE EdgeInv'
  BY <1>2 DEF Enqueue
<1>3. ASSUME NEW t \in Others, EdgeWrite(t) PROVE EdgeInv'
  BY <1>3 DEF EdgeWrite, AfterSubmission
<1>4. CASE Start \/ EdgeSelect \/ EdgeTimeout \/ Take \/ Run
  BY <1>4 DEF Start, EdgeSelect, EdgeTimeout, Take, Run
<1>5. CASE Look BY <1>5 DEF Look
<1>6. CASE Stop \/ CallSoon \/ Continue \/ Return \/ Close
  BY <1>6 DEF Stop, CallSoon, Continue, Return, Close
<1>7. CASE EdgeTerminating \/ UNCHANGED vars
  BY <1>7 DEF EdgeTerminating, vars
<1> QED BY <1>1, <1>2, <1>3, <1>4, <1>5, <1>6, <1>7 DEF EdgeNext

THEOREM EdgeTypesHold == EdgeSpec => []TypeOK
<1>1. TypeInv => TypeOK
  BY ThreadFacts, SeqFacts DEF TypeInv, TypeOK
<1> QED BY <1>1, InitTypeInv, EdgeNextTypeInv, PTL DEF EdgeSpec

THEOREM NoEdgeIsLost == ASSUME Wakes PROVE EdgeSpec => []NoEdgeLost
<1>1. TypeInv /\ EdgeInv /\ [EdgeNext]_vars => EdgeInv' BY NextEdge
<1>2. TypeInv /\ EdgeInv => NoEdgeLost
  BY DEF TypeInv, EdgeInv, NoEdgeLost
<1> QED BY InitTypeInv, EdgeNextTypeInv, InitEdge, <1>1, <1>2, PTL DEF EdgeSpec
=============================================================================
