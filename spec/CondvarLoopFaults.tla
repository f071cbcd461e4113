-------------------------- MODULE CondvarLoopFaults --------------------------
(***************************************************************************)
(* The ways to lose a wakeup, or a callback, that CondvarLoop can express. *)
(* Each is one action done wrong. A model puts it in the place of the right*)
(* one (Enqueue <- EnqueueAfterNotifying, say), and then some property of  *)
(* CondvarLoop must fail.                                                  *)
(*                                                                         *)
(* A wrong action of several steps is one that lets other threads come in  *)
(* between where the right one does not. Each of its steps is as large as  *)
(* the faulty code's, so that the two can be compared.                     *)
(***************************************************************************)
EXTENDS CondvarLoop

(* What a thread does after it has submitted outside the usual path. *)
AfterSubmission(t) == IF submitted[t] + 1 < Quota(t) THEN "ready" ELSE "done"

(* Lets the mutex go where the right action does not, to go on at another label. *)
LetGo(t, label) ==
    /\ holder' = Nobody
    /\ Goto(t, label)
    /\ UNCHANGED <<shared, waitSet, submitted, batch, history>>

(* Takes the mutex again, to go on at another label. *)
TakeAgain(t, label) ==
    /\ holder = Nobody
    /\ holder' = t
    /\ Goto(t, label)
    /\ UNCHANGED <<shared, waitSet, submitted, batch, history>>

(* Puts the callback in the queue, whatever else is the case. *)
EnqueueAndGoto(t, label) ==
    /\ queue' = Append(queue, Upcoming(t))
    /\ accepted' = Append(accepted, Upcoming(t))
    /\ submitted' = [submitted EXCEPT ![t] = @ + 1]
    /\ Goto(t, label)
    /\ UNCHANGED <<holder, asleep, stopping, closed, waitSet, batch,
                   ran, refused, cancelled, dropped, phase>>

(* Gives the callback back. *)
RefuseAndGoto(t, label) ==
    /\ refused' = refused \union {Upcoming(t)}
    /\ submitted' = [submitted EXCEPT ![t] = @ + 1]
    /\ Goto(t, label)
    /\ UNCHANGED <<holder, shared, waitSet, batch,
                   accepted, ran, cancelled, dropped, phase>>

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

(* Any thread: notifies before there is anything to see. *)
NotifyFirst(t) ==
    /\ pc[t] = "submit"
    /\ asleep
    /\ asleep' = FALSE
    /\ \/ /\ waitSet = {}
          /\ Goto(t, "notified first")
          /\ UNCHANGED waitSet
       \/ \E w \in waitSet :
            /\ waitSet' = waitSet \ {w}
            /\ pc' = [pc EXCEPT ![t] = "notified first", ![w] = "notified"]
    /\ UNCHANGED <<holder, queue, stopping, closed, submitted, batch, history>>

(* Any thread: lets the mutex go before it has enqueued. *)
UnlockToEnqueue(t) ==
    /\ \/ pc[t] = "notified first"
       \/ pc[t] = "submit" /\ ~asleep
    /\ LetGo(t, "enqueue")

(* Any thread: takes the mutex again to enqueue. *)
LockToEnqueue(t) ==
    /\ pc[t] = "enqueue"
    /\ TakeAgain(t, "enqueue now")

(* Any thread: enqueues, and notifies nobody any more. *)
EnqueueLate(t) ==
    /\ pc[t] = "enqueue now"
    /\ ~closed
    /\ EnqueueAndGoto(t, "unlock")

(* Any thread: gets its callback back. *)
RefuseLate(t) ==
    /\ pc[t] = "enqueue now"
    /\ closed
    /\ RefuseAndGoto(t, "unlock")

(* Any thread: notifies and lets the mutex go, then enqueues. *)
EnqueueAfterNotifying(t) ==
    \/ NotifyFirst(t)
    \/ UnlockToEnqueue(t)
    \/ LockToEnqueue(t)
    \/ EnqueueLate(t)
    \/ RefuseLate(t)

(* CHECK OUTSIDE THE LOCK. The loop has found the queue empty, lets the mutex
   go, takes it again, and sleeps by what it found. *)

(* The loop: lets the mutex go between its look and its wait. *)
UnlockToSleep(t) ==
    /\ pc[t] = "sleep"
    /\ LetGo(t, "go to sleep")

(* The loop: takes the mutex again, and does not look. *)
LockToSleep(t) ==
    /\ pc[t] = "go to sleep"
    /\ TakeAgain(t, "sleep anyway")

(* The loop: begins to wait by what it saw before. *)
SleepAnyway ==
    /\ pc[Loop] = "sleep anyway"
    /\ holder' = Nobody
    /\ asleep' = TRUE
    /\ waitSet' = waitSet \union {Loop}
    /\ Goto(Loop, "waiting")
    /\ UNCHANGED <<queue, stopping, closed, submitted, batch, history>>

(* The loop: lets the mutex go, then waits by what it saw before. *)
SleepByAnOldLook ==
    \/ UnlockToSleep(Loop)
    \/ LockToSleep(Loop)
    \/ SleepAnyway

(* STALE ASLEEP FLAG. The flag is read, the mutex let go and taken again, and
   then the callback is enqueued by what the flag was. *)

(* Any thread: reads `asleep' and lets the mutex go. *)
UnlockByTheFlag(t) ==
    /\ pc[t] = "submit"
    /\ LetGo(t, IF asleep THEN "enqueue and notify" ELSE "enqueue")

(* Any thread: takes the mutex again, and remembers the flag. *)
LockByTheFlag(t) ==
    \/ /\ pc[t] = "enqueue"
       /\ TakeAgain(t, "enqueue now")
    \/ /\ pc[t] = "enqueue and notify"
       /\ TakeAgain(t, "enqueue and notify now")

(* Any thread: enqueues, and is to notify if the flag was set and still is. *)
EnqueueByTheFlag(t) ==
    /\ ~closed
    /\ \/ /\ pc[t] = "enqueue now"
          /\ EnqueueAndGoto(t, "unlock")
       \/ /\ pc[t] = "enqueue and notify now"
          /\ EnqueueAndGoto(t, IF asleep THEN "notify" ELSE "unlock")

(* Any thread: gets its callback back. *)
RefuseByTheFlag(t) ==
    /\ closed
    /\ pc[t] \in {"enqueue now", "enqueue and notify now"}
    /\ RefuseAndGoto(t, "unlock")

(* Any thread: reads `asleep' and lets the mutex go, then enqueues. *)
EnqueueByAnOldFlag(t) ==
    \/ UnlockByTheFlag(t)
    \/ LockByTheFlag(t)
    \/ EnqueueByTheFlag(t)
    \/ RefuseByTheFlag(t)

(* IF INSTEAD OF WHILE. Whatever woke the loop is taken for a notification. *)

(* The loop: has woken, holds the mutex again, and does not look. *)
WakeWithoutLooking ==
    /\ pc[Loop] \in {"notified", "timed out"}
    /\ holder = Nobody
    /\ holder' = Loop
    /\ asleep' = FALSE
    /\ Goto(Loop, "take")
    /\ UNCHANGED <<queue, stopping, closed, waitSet, submitted, batch, history>>

(* TIMEOUT MEANS NOTHING TO DO. A wait that has timed out ends the look without
   a look at the queue: an iteration begins that has taken nothing, whatever
   was accepted before it. *)

(* The loop: has woken, holds the mutex again, and looks if it was notified. *)
WakeToTakeNothing ==
    /\ pc[Loop] \in {"notified", "timed out"}
    /\ holder = Nobody
    /\ holder' = Loop
    /\ asleep' = FALSE
    /\ IF pc[Loop] = "timed out"
       THEN Goto(Loop, "begin") /\ phase' = "running"
       ELSE Goto(Loop, FirstLook) /\ UNCHANGED phase
    /\ UNCHANGED <<queue, stopping, closed, waitSet, submitted, batch,
                   accepted, ran, refused, cancelled, dropped>>

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

(* Any thread: finds the loop open and lets the mutex go. *)
UnlockByTheCheck(t) ==
    /\ pc[t] = "submit"
    /\ ~closed
    /\ LetGo(t, "enqueue")

(* Any thread: takes the mutex again, and does not check. *)
LockByTheCheck(t) ==
    /\ pc[t] = "enqueue"
    /\ TakeAgain(t, "enqueue now")

(* Any thread: enqueues, whether the loop is open or not. *)
EnqueueByTheCheck(t) ==
    /\ pc[t] = "enqueue now"
    /\ EnqueueAndGoto(t, IF Wakes /\ asleep THEN "notify" ELSE "unlock")

(* Any thread: checks `closed' and lets the mutex go, then enqueues. *)
EnqueueByAnOldCheck(t) ==
    \/ UnlockByTheCheck(t)
    \/ LockByTheCheck(t)
    \/ EnqueueByTheCheck(t)

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
    /\ IF t = Loop /\ phase = "running"
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
    /\ pc[Loop] \in Iterating
    /\ batch # <<>>
    /\ batch' = <<>>
    /\ ran' = IF Head(batch) \in cancelled THEN ran
              ELSE Append(ran, Head(batch))
    /\ Goto(Loop, "callback")
    /\ UNCHANGED <<holder, shared, waitSet, submitted,
                   accepted, refused, cancelled, dropped, phase>>
=============================================================================
