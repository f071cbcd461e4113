-------------------------- MODULE CondvarLoopFaults --------------------------
(***************************************************************************)
(* The ways to lose a wakeup, or a callback, that CondvarLoop can express. *)
(* Each is one action done wrong. A model puts it in the place of the right*)
(* one (Enqueue <- EnqueueAfterNotifying, say), and then some property of  *)
(* CondvarLoop must fail.                                                  *)
(*                                                                         *)
(* A wrong action of two disjuncts is one that lets other threads come in  *)
(* between where the right one does not.                                   *)
(***************************************************************************)
EXTENDS CondvarLoop

(* What a thread does after it has submitted outside the usual path. *)
AfterSubmission(t) == IF submitted[t] + 1 < Quota(t) THEN "ready" ELSE "done"

(* NOTIFY WITHOUT THE LOCK. The callback is enqueued, and the loop notified if
   it is asleep, when the mutex has been let go. Even though the two are one
   step here, both may happen after the loop has looked and before it waits. *)

(* Any thread: lets the mutex go, then enqueues and notifies. *)
EnqueueOutsideTheLock(t) ==
    \/ /\ pc[t] = "submit"
       /\ ~closed
       /\ holder' = Nobody
       /\ Goto(t, "enqueue")
       /\ UNCHANGED <<shared, waitSet, submitted, batch, history>>
    \/ /\ pc[t] = "enqueue"
       /\ queue' = Append(queue, Upcoming(t))
       /\ accepted' = Append(accepted, Upcoming(t))
       /\ submitted' = [submitted EXCEPT ![t] = @ + 1]
       /\ asleep' = FALSE
       /\ waitSet' = {}
       /\ pc' = [u \in Threads |-> IF u = t THEN AfterSubmission(t)
                                   ELSE IF u \in waitSet THEN "notified" ELSE pc[u]]
       /\ UNCHANGED <<holder, stopping, closed, batch,
                      ran, refused, cancelled, dropped, phase>>

(* NOTIFY BEFORE ENQUEUE. The loop is woken to see nothing, and sleeps again. *)

(* Any thread: notifies and lets the mutex go, then enqueues. *)
EnqueueAfterNotifying(t) ==
    \/ /\ pc[t] = "submit"
       /\ ~closed
       /\ holder' = Nobody
       /\ asleep' = FALSE
       /\ waitSet' = {}
       /\ pc' = [u \in Threads |-> IF u = t THEN "enqueue"
                                   ELSE IF u \in waitSet THEN "notified" ELSE pc[u]]
       /\ UNCHANGED <<queue, stopping, closed, submitted, batch, history>>
    \/ /\ pc[t] = "enqueue"
       /\ holder = Nobody
       /\ holder' = t
       /\ queue' = Append(queue, Upcoming(t))
       /\ accepted' = Append(accepted, Upcoming(t))
       /\ submitted' = [submitted EXCEPT ![t] = @ + 1]
       /\ Goto(t, "unlock")
       /\ UNCHANGED <<asleep, stopping, closed, waitSet, batch,
                      ran, refused, cancelled, dropped, phase>>

(* CHECK OUTSIDE THE LOCK. The loop has found the queue empty, lets the mutex
   go, takes it again, and sleeps by what it found. *)

(* The loop: lets the mutex go, then waits by what it saw before. *)
SleepByAnOldLook ==
    \/ /\ pc[Loop] = "sleep"
       /\ holder' = Nobody
       /\ Goto(Loop, "sleep anyway")
       /\ UNCHANGED <<shared, waitSet, submitted, batch, history>>
    \/ /\ pc[Loop] = "sleep anyway"
       /\ holder = Nobody
       /\ asleep' = TRUE
       /\ waitSet' = waitSet \union {Loop}
       /\ Goto(Loop, "waiting")
       /\ UNCHANGED <<holder, queue, stopping, closed, submitted, batch,
                      history>>

(* STALE ASLEEP FLAG. The flag is read, the mutex let go and taken again, and
   then the callback is enqueued by what the flag was. *)

(* Any thread: reads `asleep' and lets the mutex go, then enqueues. *)
EnqueueByAnOldFlag(t) ==
    \/ /\ pc[t] = "submit"
       /\ ~closed
       /\ holder' = Nobody
       /\ Goto(t, IF asleep THEN "enqueue and notify" ELSE "enqueue")
       /\ UNCHANGED <<shared, waitSet, submitted, batch, history>>
    \/ /\ pc[t] \in {"enqueue", "enqueue and notify"}
       /\ holder = Nobody
       /\ holder' = t
       /\ queue' = Append(queue, Upcoming(t))
       /\ accepted' = Append(accepted, Upcoming(t))
       /\ submitted' = [submitted EXCEPT ![t] = @ + 1]
       /\ Goto(t, IF pc[t] = "enqueue" THEN "unlock" ELSE "notify")
       /\ UNCHANGED <<asleep, stopping, closed, waitSet, batch,
                      ran, refused, cancelled, dropped, phase>>

(* IF INSTEAD OF WHILE. Whatever woke the loop is taken for a notification. *)

(* The loop: has woken, holds the mutex again, and does not look. *)
WakeWithoutLooking ==
    /\ pc[Loop] \in {"notified", "timed out"}
    /\ holder = Nobody
    /\ holder' = Loop
    /\ asleep' = FALSE
    /\ Goto(Loop, "take")
    /\ UNCHANGED <<queue, stopping, closed, waitSet, submitted, batch, history>>

(* TIMEOUT MEANS NOTHING TO DO. A wait that has timed out is followed by the
   next one without a look at the queue. A notification that came after the
   timeout found nobody waiting, and was lost. *)

(* The loop: has woken, holds the mutex again, and looks if it was notified. *)
WakeToSleepAgain ==
    /\ pc[Loop] \in {"notified", "timed out"}
    /\ holder = Nobody
    /\ holder' = Loop
    /\ asleep' = FALSE
    /\ Goto(Loop, IF pc[Loop] = "timed out" THEN "sleep" ELSE FirstLook)
    /\ UNCHANGED <<queue, stopping, closed, waitSet, submitted, batch, history>>

(* SILENT STOP. The flag is set, and nobody is woken to see it. *)

(* Another thread: asks the loop to stop, and does not notify. *)
StopSilently(t) ==
    /\ pc[t] = "stop"
    /\ stopping' = TRUE
    /\ Goto(t, "unlock")
    /\ UNCHANGED <<holder, queue, asleep, closed, waitSet, submitted, batch,
                   history>>

(* ACCEPT AFTER CLOSE. `closed' is checked, the mutex let go and taken again,
   and the callback enqueued whatever `closed' is by then. *)

(* Any thread: checks `closed' and lets the mutex go, then enqueues. *)
EnqueueByAnOldCheck(t) ==
    \/ /\ pc[t] = "submit"
       /\ ~closed
       /\ holder' = Nobody
       /\ Goto(t, "enqueue")
       /\ UNCHANGED <<shared, waitSet, submitted, batch, history>>
    \/ /\ pc[t] = "enqueue"
       /\ holder = Nobody
       /\ holder' = t
       /\ queue' = Append(queue, Upcoming(t))
       /\ accepted' = Append(accepted, Upcoming(t))
       /\ submitted' = [submitted EXCEPT ![t] = @ + 1]
       /\ Goto(t, IF Wakes /\ asleep THEN "notify" ELSE "unlock")
       /\ UNCHANGED <<asleep, stopping, closed, waitSet, batch,
                      ran, refused, cancelled, dropped, phase>>

(* WRONG SLEEPER. Another thread waits on the same condvar, for something else,
   and the condvar picks that one. It finds that there is nothing for it, and
   waits again: all of that is in this one step. *)

(* Any thread: notifies, and the condvar picks another waiter. *)
NotifyTheWrongSleeper(t) ==
    /\ pc[t] = "notify"
    /\ asleep' = FALSE
    /\ Goto(t, "unlock")
    /\ UNCHANGED <<holder, queue, stopping, closed, waitSet, submitted, batch,
                   history>>

(* TWO QUEUES. What the loop's own callbacks submit goes to a queue of the
   loop's own, which it runs before it takes from the shared one. *)

(* Any thread: puts its callback last in a queue, the loop in one of its own. *)
EnqueueInTwoQueues(t) ==
    /\ pc[t] = "submit"
    /\ ~closed
    /\ IF t = Loop
       THEN batch' = Append(batch, Upcoming(t)) /\ UNCHANGED queue
       ELSE queue' = Append(queue, Upcoming(t)) /\ UNCHANGED batch
    /\ accepted' = Append(accepted, Upcoming(t))
    /\ submitted' = [submitted EXCEPT ![t] = @ + 1]
    /\ Goto(t, IF Wakes /\ asleep THEN "notify" ELSE "unlock")
    /\ UNCHANGED <<holder, asleep, stopping, closed, waitSet,
                   ran, refused, cancelled, dropped, phase>>

(* PANIC LOSES THE BATCH. A callback panics, and what is left of its iteration
   goes with it. *)

(* The loop: runs its next callback, and the rest is lost. *)
RunAndLoseTheRest ==
    /\ pc[Loop] = "run"
    /\ batch # <<>>
    /\ batch' = <<>>
    /\ ran' = IF Head(batch) \in cancelled THEN ran
              ELSE Append(ran, Head(batch))
    /\ UNCHANGED <<holder, shared, waitSet, pc, submitted,
                   accepted, refused, cancelled, dropped, phase>>
=============================================================================
