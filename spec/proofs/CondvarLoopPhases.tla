-------------------------- MODULE CondvarLoopPhases --------------------------
(***************************************************************************)
(* Where the loop is in its code says where the contract stands: idle,     *)
(* started, running or closed. The refinement needs that.                  *)
(***************************************************************************)
EXTENDS CondvarLoopMutex

(* What each label of the loop says about the contract's phase, about the
   batch and about whether the loop is closed. An iteration is over wherever
   the loop looks at the queue. *)
PhaseInv ==
    /\ phase = "closed" <=> closed
    /\ pc[Loop] \in {"idle", "close", "return"} => phase = "idle" /\ batch = <<>>
    /\ pc[Loop] \in {"sleep", "waiting", "notified", "timed out", "take"} =>
           phase \in {"started", "running"} /\ batch = <<>>
    /\ pc[Loop] \in {"run", "callback", "begin"} => phase = "running"
    /\ pc[Loop] = "honour" => phase = "running" /\ batch = <<>> /\ stopping
    /\ pc[Loop] \in {"submit", "stop", "notify", "unlock"} =>
           phase = "running" \/ (phase = "idle" /\ batch = <<>>)
    /\ pc[Loop] \in {"done", "end"} => phase = "closed"
    /\ phase = "closed" => pc[Loop] \in {"done", "end"} /\ batch = <<>> /\ queue = <<>>

(* At first the loop is idle. *)
LEMMA InitPhase == Init => PhaseInv
  BY ThreadFacts DEF Init, PhaseInv

(* The actions of other threads change none of this. The loop's own go from
   label to label. Lock has five ways in, and each is looked at. *)
LEMMA NextPhase == TypeInv /\ PhaseInv /\ [Next]_vars => PhaseInv'
<1> SUFFICES ASSUME TypeInv, PhaseInv, [Next]_vars
             PROVE  PhaseInv'
  OBVIOUS
<1>0. /\ pc \in [Threads -> AllLabels]
      /\ waitSet = IF pc[Loop] = "waiting" THEN {Loop} ELSE {}
      /\ pc[Loop] \in LoopLabels
      /\ closed \in BOOLEAN
      /\ stopping \in BOOLEAN
      /\ phase \in {"idle", "started", "running", "closed"}
  BY DEF TypeInv
<1> USE <1>0, ThreadFacts DEF PhaseInv, LoopLabels, NothingToDo, shared, history, Goto
<1>1. ASSUME NEW t \in Threads, Lock(t) PROVE PhaseInv'
<2>1. CASE t # Loop
  BY <1>1, <2>1, pc'[Loop] = pc[Loop], pc[t] \in OtherLabels DEF Lock, TypeInv, OtherLabels, Iterating, AtLarge
<2>2. CASE t = Loop
  <3>1. PICK l \in {"sleep", "take", "close", "honour", "submit", "stop"} : pc' = [pc EXCEPT ![Loop] = l]
    BY <1>1, <2>2 DEF Lock, FirstLook, NextLook, Iterating, AtLarge
  <3>2. pc'[Loop] = l BY <3>1
  <3>3. \/ pc[Loop] = "idle" /\ l \in {"sleep", "take"} /\ phase' = "started"
        \/ pc[Loop] = "idle" /\ l = "close" /\ phase' = phase
        \/ pc[Loop] \in {"run", "callback"} /\ batch = <<>> /\ l \in {"sleep", "take"} /\ phase' = phase
        \/ pc[Loop] \in {"run", "callback"} /\ batch = <<>> /\ l = "honour" /\ stopping /\ phase' = phase
        \/ pc[Loop] \in {"idle", "callback"} /\ l \in {"submit", "stop"} /\ phase' = phase
    BY <1>1, <2>2, <3>2 DEF Lock, FirstLook, NextLook, Iterating, AtLarge
  <3>4. UNCHANGED <<batch, queue, stopping, closed>> BY <1>1 DEF Lock
  <3>5. phase # "closed" BY <3>3
  <3> HIDE <1>0
  <3>6. CASE pc[Loop] = "idle" /\ l \in {"sleep", "take"} /\ phase' = "started"
    BY <3>2, <3>4, <3>5, <3>6
  <3>7. CASE pc[Loop] = "idle" /\ l = "close" /\ phase' = phase
    BY <3>2, <3>4, <3>5, <3>7
  <3>8. CASE pc[Loop] \in {"run", "callback"} /\ batch = <<>> /\ l \in {"sleep", "take"} /\ phase' = phase
  <4>1. phase = "running" /\ phase' = "running" BY <3>8
  <4>2. pc'[Loop] = "sleep" \/ pc'[Loop] = "take" BY <3>2, <3>8
  <4>3. batch' = <<>> /\ queue' = queue /\ closed' = closed /\ stopping' = stopping /\ ~closed BY <3>4, <3>8, <3>5
  <4> QED BY ONLY <4>1, <4>2, <4>3 DEF PhaseInv
  <3>9. CASE pc[Loop] \in {"run", "callback"} /\ batch = <<>> /\ l = "honour" /\ stopping /\ phase' = phase
    BY <3>2, <3>4, <3>5, <3>9
  <3>10. CASE pc[Loop] \in {"idle", "callback"} /\ l \in {"submit", "stop"} /\ phase' = phase
  <4>1. phase = "running" \/ (phase = "idle" /\ batch = <<>>)
    <5>1. CASE pc[Loop] = "idle"
      <6>1. phase = "idle" BY <5>1
      <6>2. batch = <<>> BY <5>1
      <6> QED BY ONLY <6>1, <6>2
    <5>2. CASE pc[Loop] = "callback"
      <6>1. phase = "running" BY <5>2
      <6> QED BY ONLY <6>1
    <5> QED BY ONLY <5>1, <5>2, <3>10
  <4>2. pc'[Loop] = "submit" \/ pc'[Loop] = "stop" BY <3>2, <3>10
  <4>3. batch' = batch /\ queue' = queue /\ closed' = closed /\ phase' = phase /\ ~closed BY <3>4, <3>5, <3>10
  <4> QED BY ONLY <4>1, <4>2, <4>3 DEF PhaseInv
  <3> QED BY <3>3, <3>6, <3>7, <3>8, <3>9, <3>10
<2> QED BY <2>1, <2>2
<1>2. ASSUME NEW t \in Threads, Enqueue(t) PROVE PhaseInv'
  BY <1>2 DEF Enqueue
<1>3. ASSUME NEW t \in Threads, Refuse(t) PROVE PhaseInv'
  BY <1>3 DEF Refuse
<1>4. ASSUME NEW t \in Threads, Notify(t) PROVE PhaseInv'
  BY <1>4 DEF Notify
<1>5. ASSUME NEW t \in Threads, Stop(t) PROVE PhaseInv'
  BY <1>5 DEF Stop
<1>6. ASSUME NEW t \in Threads, Unlock(t) PROVE PhaseInv'
<2>1. CASE t = Loop
  <3>1. \/ pc[Loop] = "return" /\ pc' = [pc EXCEPT ![Loop] = "idle"]
        \/ pc[Loop] = "end" /\ pc' = [pc EXCEPT ![Loop] = "done"]
        \/ pc[Loop] = "begin" /\ pc' = [pc EXCEPT ![Loop] = "run"]
        \/ pc[Loop] = "unlock" /\ phase = "idle" /\ pc' = [pc EXCEPT ![Loop] = "idle"]
        \/ pc[Loop] = "unlock" /\ phase # "idle" /\ pc' = [pc EXCEPT ![Loop] = "callback"]
    BY <1>6, <2>1 DEF Unlock
  <3> QED BY <1>6, <2>1, <3>1 DEF Unlock
<2>2. CASE t # Loop
  <3>1. pc'[Loop] = pc[Loop]
    BY <1>6, <2>2 DEF Unlock
  <3> QED BY <1>6, <2>2, <3>1 DEF Unlock
<2> QED BY <2>1, <2>2
<1>7. CASE Sleep
  BY <1>7 DEF Sleep
<1>8. CASE SpuriousWakeup
  BY <1>8 DEF SpuriousWakeup
<1>9. CASE Timeout
  BY <1>9 DEF Timeout
<1>10. CASE Wake
  BY <1>10 DEF Wake, FirstLook
<1>11. CASE Take
  BY <1>11 DEF Take
<1>12. CASE Run
  BY <1>12 DEF Run, Iterating
<1>13. CASE Stopped
  BY <1>13 DEF Stopped
<1>14. CASE Close
  BY <1>14 DEF Close
<1>15. ASSUME NEW c \in Callbacks, Cancel(c) PROVE PhaseInv'
  BY <1>15 DEF Cancel
<1>16. CASE Terminating
  BY <1>16 DEF Terminating, vars
<1>17. CASE UNCHANGED vars
  BY <1>17 DEF vars
<1> QED
  BY <1>1, <1>2, <1>3, <1>4, <1>5, <1>6, <1>7, <1>8, <1>9, <1>10, <1>11,
     <1>12, <1>13, <1>14, <1>15, <1>16, <1>17 DEF Next
=============================================================================
