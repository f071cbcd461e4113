------------------------------ MODULE LostWakeup ------------------------------
(* The lost wakeup, and nothing else. Under a lock, a loop looks whether a
   callback is queued, and if not, goes to sleep. Under the same lock, another
   thread queues a callback. Does it also wake the loop? That is the difference
   between call_soon_threadsafe, which does, and call_soon, which does not. *)

CONSTANT Wakes  \* TRUE: call_soon_threadsafe. FALSE: call_soon, from another thread.

VARIABLES
    queued,     \* a callback is in the queue
    asleep,     \* the loop is asleep
    waking      \* a thread has queued a callback and is about to wake the loop

vars == <<queued, asleep, waking>>

Init == queued = FALSE /\ asleep = FALSE /\ waking = FALSE

(* Another thread: queues a callback, and sees whether the loop is asleep. *)
Submit == queued' = TRUE /\ asleep' = asleep /\ waking' = (waking \/ (Wakes /\ asleep))

(* Another thread: wakes the loop. *)
Wake ==
    /\ waking
    /\ queued' = queued /\ asleep' = FALSE /\ waking' = FALSE

(* The loop: finds nothing queued and goes to sleep, which is one step under the lock. *)
Sleep ==
    /\ ~queued
    /\ queued' = queued /\ asleep' = TRUE /\ waking' = waking

(* The loop: takes what is queued and runs it. *)
Take ==
    /\ ~asleep
    /\ queued' = FALSE /\ asleep' = asleep /\ waking' = waking

(* The loop: wakes for no reason. It may, so it looks again; it need not. *)
WakeByChance == queued' = queued /\ asleep' = FALSE /\ waking' = waking

Next == Submit \/ Wake \/ Sleep \/ Take \/ WakeByChance

Spec ==
    /\ Init /\ [][Next]_vars
    /\ WF_vars(Wake)
    /\ WF_vars(Take)

(* The loop never sleeps beside a callback, unless a thread is about to wake it. *)
NoWakeupLost == asleep /\ queued => waking
(* What is queued is run. *)
EveryCallbackRuns == queued ~> ~queued
=============================================================================
