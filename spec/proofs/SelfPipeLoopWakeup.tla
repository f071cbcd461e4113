-------------------------- MODULE SelfPipeLoopWakeup -------------------------
(***************************************************************************)
(* No wakeup is lost in the design with a pipe, for any number of threads  *)
(* and callbacks and any pipe, with every option of SelfPipeLoop: timed    *)
(* waits, coalesced signals, a last poll before it stops, and writes of    *)
(* the loop's own.                                                         *)
(*                                                                         *)
(* A byte stays in the pipe until the loop reads it. So a thread that has  *)
(* appended needs no lock: when the loop waits beside its callback, the    *)
(* byte is there, or the thread is about to write it.                      *)
(***************************************************************************)
EXTENDS SelfPipeLoop, TLAPS

(* Which values the variables can have. *)
TypeInv ==
    /\ ready \in Seq(Callbacks)
    /\ pipe \in 0..PipeCapacity
    /\ signalled \in BOOLEAN
    /\ stopping \in BOOLEAN
    /\ closed \in BOOLEAN
    /\ pc = [t \in Threads |-> pc[t]]
    /\ \A t \in Others : pc[t] \in {"ready", "append", "signal", "write", "done"}
    /\ pc[Loop] \in {"idle", "look", "select", "drain", "notice", "take", "run", "stop", "done"}
    /\ submitted \in [Threads -> Nat]
    /\ \A t \in Threads : submitted[t] <= Quota(t)
    /\ \A t \in Others : pc[t] # "done" => submitted[t] < Quota(t)
    /\ todo \in 0..Len(ready)
    /\ pc[Loop] \in {"idle", "look", "select", "drain", "notice", "take", "done"} => todo = 0
    /\ mayBlock \in BOOLEAN
    /\ accepted \in Seq(Callbacks)
    /\ ran \in Seq(Callbacks)
    /\ refused \subseteq Callbacks
    /\ cancelled = {}
    /\ dropped \subseteq Callbacks
    /\ phase \in {"idle", "started", "running", "closed"}

(* What there is to know about threads. From here on their sets are opaque. *)
LEMMA ThreadFacts ==
    /\ Loop \in Threads
    /\ Others \subseteq Threads
    /\ Loop \notin Others
    /\ \A t \in Threads : t = Loop \/ t \in Others
    /\ \A t \in Threads : Quota(t) \in Nat
    /\ \A t \in Others : Quota(t) > 0
  BY Constants DEF Threads, Others, Quota

LEMMA UpcomingIsCallback ==
    ASSUME TypeInv, NEW t \in Threads, submitted[t] < Quota(t)
    PROVE  Upcoming(t) \in Callbacks
<1>1. submitted[t] + 1 \in 1..Quota(t)
  BY ThreadFacts DEF TypeInv
<1>2. <<t, submitted[t] + 1>> \in {<<t, i>> : i \in 1..Quota(t)}
  BY <1>1
<1> QED BY <1>2 DEF Callbacks, Upcoming

LEMMA SeqFacts ==
    /\ \A s \in Seq(Callbacks), c \in Callbacks :
          Append(s, c) \in Seq(Callbacks) /\ Len(Append(s, c)) = Len(s) + 1
    /\ \A s \in Seq(Callbacks) : Len(s) \in Nat /\ Range(s) \subseteq Callbacks
    /\ \A s \in Seq(Callbacks) : Len(s) > 0 =>
          Head(s) \in Callbacks /\ Tail(s) \in Seq(Callbacks) /\ Len(Tail(s)) = Len(s) - 1
    /\ <<>> \in Seq(Callbacks) /\ Len(<<>>) = 0
  BY DEF Range

LEMMA InitTypeInv == Init => TypeInv
  BY ThreadFacts, SeqFacts, Constants DEF Init, TypeInv

LEMMA NextTypeInv == TypeInv /\ [Next]_vars => TypeInv'
<1> SUFFICES ASSUME TypeInv, [Next]_vars PROVE TypeInv' OBVIOUS
<1> USE ThreadFacts DEF TypeInv, history, Goto
<1>1. ASSUME NEW t \in Others, Check(t) PROVE TypeInv'
  BY <1>1, UpcomingIsCallback DEF Check, AfterSubmission
<1>2. ASSUME NEW t \in Others, Enqueue(t) PROVE TypeInv'
  BY <1>2, UpcomingIsCallback, SeqFacts DEF Enqueue, AfterSubmission
<1>s. ASSUME NEW t \in Others, Signal(t) PROVE TypeInv'
  BY <1>s DEF Signal, AfterSubmission
<1>3. ASSUME NEW t \in Others, Write(t) PROVE TypeInv'
  BY <1>3, Constants DEF Write, AfterSubmission
<1>4. CASE Start BY <1>4 DEF Start
<1>5. CASE Look BY <1>5 DEF Look
<1>6. CASE Select BY <1>6 DEF Select
<1>7. CASE Timeout BY <1>7 DEF Timeout
<1>8. CASE Drain BY <1>8, Constants DEF Drain
<1>n. CASE Notice BY <1>n DEF Notice
<1>9. CASE Take BY <1>9, SeqFacts DEF Take
<1>10. CASE Run BY <1>10, SeqFacts DEF Run
<1>11. CASE Stop BY <1>11 DEF Stop
<1>12. CASE CallSoon
  <2>1. Upcoming(Loop) \in Callbacks BY <1>12, UpcomingIsCallback DEF CallSoon
  <2>2. ready' \in Seq(Callbacks) /\ Len(ready') = Len(ready) + 1 /\ accepted' \in Seq(Callbacks)
    BY <1>12, <2>1, SeqFacts DEF CallSoon
  <2>3. /\ submitted' \in [Threads -> Nat]
        /\ \A t \in Threads : submitted'[t] <= Quota(t)
        /\ \A t \in Others : submitted'[t] = submitted[t]
    BY <1>12 DEF CallSoon
  <2>4. todo' \in 0..Len(ready') /\ todo' = todo
    BY <1>12, <2>2, SeqFacts DEF CallSoon
  <2> QED BY <1>12, <2>2, <2>3, <2>4 DEF CallSoon
<1>o. CASE OwnWrite BY <1>o, Constants DEF OwnWrite
<1>13. CASE Continue BY <1>13 DEF Continue
<1>14. CASE Return BY <1>14 DEF Return
<1>15. CASE Close BY <1>15, SeqFacts DEF Close
<1>16. CASE Terminating \/ UNCHANGED vars BY <1>16 DEF Terminating, vars
<1> QED BY <1>1, <1>2, <1>s, <1>3, <1>4, <1>5, <1>6, <1>7, <1>8, <1>n, <1>9, <1>10, <1>11,
  <1>12, <1>o, <1>13, <1>14, <1>15, <1>16 DEF Next

-----------------------------------------------------------------------------
(* A byte, or a thread that will write one without fail. *)
ByteIsComing ==
    \/ pipe > 0
    \/ \E t \in Others : pc[t] = "write" \/ (pc[t] = "signal" /\ ~signalled)

(* Where one byte does for several callbacks, a signal that the loop has yet to
   notice has its byte, or the loop has just read it and will notice. Where the
   loop waits, what is ready was announced. *)
WakeupInv ==
    /\ ~Coalesces => ~signalled /\ \A t \in Others : pc[t] # "signal"
    /\ signalled => \/ pipe > 0
                    \/ pc[Loop] = "notice"
                    \/ \E t \in Others : pc[t] = "write"
    /\ pc[Loop] = "select" /\ mayBlock => ready = <<>> \/ ByteIsComing

LEMMA InitWakeup == Init => WakeupInv
  BY ThreadFacts DEF Init, WakeupInv

LEMMA NextWakeup ==
    ASSUME Wakes PROVE TypeInv /\ WakeupInv /\ [Next]_vars => WakeupInv'
<1> SUFFICES ASSUME TypeInv, WakeupInv, [Next]_vars PROVE WakeupInv' OBVIOUS
<1>0. /\ ready \in Seq(Callbacks) /\ pipe \in 0..PipeCapacity /\ pc = [t \in Threads |-> pc[t]]
      /\ todo \in 0..Len(ready) /\ signalled \in BOOLEAN /\ Coalesces \in BOOLEAN
  BY Constants DEF TypeInv
<1> USE <1>0, ThreadFacts DEF WakeupInv, ByteIsComing, history, Goto
<1>1. ASSUME NEW t \in Others, Check(t) PROVE WakeupInv'
  BY <1>1 DEF Check, AfterSubmission
<1>2. ASSUME NEW t \in Others, Enqueue(t) PROVE WakeupInv'
  BY <1>2 DEF Enqueue
<1>s. ASSUME NEW t \in Others, Signal(t) PROVE WakeupInv'
  BY <1>s DEF Signal, AfterSubmission
<1>3. ASSUME NEW t \in Others, Write(t) PROVE WakeupInv'
  BY <1>3, Constants DEF Write, AfterSubmission
<1>4. CASE Start \/ Select \/ Timeout BY <1>4 DEF Start, Select, Timeout
<1>8. CASE Drain BY <1>8 DEF Drain
<1>n. CASE Notice BY <1>n DEF Notice
<1>5. CASE Look BY <1>5 DEF Look
<1>9. CASE Take BY <1>9 DEF Take
<1>10. CASE Run BY <1>10 DEF Run
<1>11. CASE Stop BY <1>11 DEF Stop
<1>12. CASE CallSoon BY <1>12 DEF CallSoon
<1>o. CASE OwnWrite BY <1>o, Constants DEF OwnWrite
<1>13. CASE Continue BY <1>13 DEF Continue
<1>14. CASE Return BY <1>14 DEF Return
<1>15. CASE Close BY <1>15 DEF Close
<1>16. CASE Terminating \/ UNCHANGED vars BY <1>16 DEF Terminating, vars
<1> QED BY <1>1, <1>2, <1>s, <1>3, <1>4, <1>8, <1>n, <1>5, <1>9, <1>10, <1>11,
  <1>12, <1>o, <1>13, <1>14, <1>15, <1>16 DEF Next

THEOREM TypesHold == Spec => []TypeOK
<1>1. TypeInv => TypeOK
  BY ThreadFacts, SeqFacts DEF TypeInv, TypeOK
<1> QED BY <1>1, InitTypeInv, NextTypeInv, PTL DEF Spec

THEOREM NoWakeupIsLost == ASSUME Wakes PROVE Spec => []NoWakeupLost
<1>1. TypeInv /\ WakeupInv /\ [Next]_vars => WakeupInv' BY NextWakeup
<1>2. TypeInv /\ WakeupInv => NoWakeupLost
  BY DEF TypeInv, WakeupInv, NoWakeupLost, ByteIsComing
<1> QED BY InitTypeInv, NextTypeInv, InitWakeup, <1>1, <1>2, PTL DEF Spec
=============================================================================
