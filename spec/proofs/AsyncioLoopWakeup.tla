-------------------------- MODULE AsyncioLoopWakeup --------------------------
(***************************************************************************)
(* No wakeup is lost in asyncio's loop, for any number of threads and      *)
(* callbacks and any pipe.                                                 *)
(*                                                                         *)
(* The pipe is read while callbacks run, by a callback of its own. That    *)
(* does no harm: the loop looks at what is ready between any read of the   *)
(* pipe and the next wait. So when it waits beside a callback, that was    *)
(* appended after the look, and its byte is in the pipe, or the thread is  *)
(* about to write it.                                                      *)
(***************************************************************************)
EXTENDS AsyncioLoop, SelfPipeLoopWakeup

(* Nothing has to be known of what is ready: no step of this argument looks
   further than whether anything is. *)
AsyncioInv ==
    /\ pipe \in 0..PipeCapacity
    /\ pc = [t \in Threads |-> pc[t]]
    /\ pc[Loop] = "select" /\ mayBlock =>
           ready = <<>> \/ pipe > 0 \/ \E t \in Others : pc[t] = "write"

LEMMA InitAsyncio == Init => AsyncioInv
  BY ThreadFacts, Constants DEF Init, AsyncioInv

LEMMA NextAsyncio ==
    ASSUME Wakes PROVE AsyncioInv /\ [AsyncioNext]_vars => AsyncioInv'
<1> SUFFICES ASSUME AsyncioInv, [AsyncioNext]_vars PROVE AsyncioInv' OBVIOUS
<1>0. ~Coalesces /\ PipeCapacity \in Nat \ {0} BY AsyncioConstants, Constants
<1> USE <1>0, ThreadFacts DEF AsyncioInv, history, Goto
<1>1. ASSUME NEW t \in Others, Check(t) PROVE AsyncioInv'
  BY <1>1 DEF Check, AfterSubmission
<1>2. ASSUME NEW t \in Others, Enqueue(t) PROVE AsyncioInv'
  BY <1>2 DEF Enqueue
<1>3. ASSUME NEW t \in Others, Write(t) PROVE AsyncioInv'
  BY <1>3 DEF Write, AfterSubmission
<1>4. CASE StopEarly \/ Start \/ AsyncioSelect \/ Timeout
  BY <1>4 DEF StopEarly, Start, AsyncioSelect, Timeout
<1>5. CASE AsyncioLook BY <1>5 DEF AsyncioLook
<1>6. CASE Report \/ Take BY <1>6 DEF Report, Take
<1>7. CASE AsyncioRun BY <1>7 DEF AsyncioRun, Run
<1>8. CASE ReadFromSelf BY <1>8 DEF ReadFromSelf
<1>9. CASE Stop \/ CallSoon \/ Continue BY <1>9 DEF Stop, CallSoon, Continue
<1>10. CASE Return \/ Close BY <1>10 DEF Return, Close
<1>11. CASE Terminating \/ UNCHANGED vars BY <1>11 DEF Terminating, vars
<1> QED BY <1>1, <1>2, <1>3, <1>4, <1>5, <1>6, <1>7, <1>8, <1>9, <1>10, <1>11 DEF AsyncioNext

THEOREM AsyncioLosesNoWakeup == ASSUME Wakes PROVE AsyncioSpec => []NoWakeupLost
<1>1. AsyncioInv /\ [AsyncioNext]_vars => AsyncioInv' BY NextAsyncio
<1>2. AsyncioInv => NoWakeupLost
  BY DEF AsyncioInv, NoWakeupLost
<1> QED BY InitAsyncio, <1>1, <1>2, PTL DEF AsyncioSpec
=============================================================================
