------------------------------ MODULE TimerLoop ------------------------------
(***************************************************************************)
(* CondvarLoop with a clock: callbacks that are to run no earlier than     *)
(* their deadline. This is the design of src/timer.rs.                     *)
(*                                                                         *)
(* A timer goes the way of every callback: it is enqueued, and who         *)
(* enqueues it wakes a loop that is asleep. So an earlier timer that comes *)
(* from another thread ends a sleep until a later deadline, and there is   *)
(* no second way in of which one could forget the wakeup. When the loop    *)
(* takes the queue, it puts the timers that are in it aside. When it has   *)
(* run the rest, it reads the clock and runs those that are due. It sleeps *)
(* until the earliest of the others.                                       *)
(*                                                                         *)
(* Every action of CondvarLoop that has nothing to do with time is taken   *)
(* as it is. Each of the others says what it adds.                         *)
(***************************************************************************)
EXTENDS CondvarLoop

CONSTANTS
    Early,      \* the threads whose callbacks are timers, due at time 1
    Late        \* the threads whose callbacks are timers, due at time 2

ASSUME TimerConstants ==
    /\ Early \union Late \subseteq Threads
    /\ Early \intersect Late = {}

VARIABLES
    now,        \* the clock
    timers,     \* timers that the loop has taken and not run, in that order
    deadline,   \* how long the loop sleeps
    fired       \* the loop has read the clock in this iteration

timing == <<now, timers, deadline, fired>>

LastTime == 2
Never == LastTime + 1

(* When a callback is due: 0 is no timer, and is due at any time. *)
Due(c) == IF c[1] \in Early THEN 1 ELSE IF c[1] \in Late THEN 2 ELSE 0

IsTimer(c) == Due(c) > 0
IsNoTimer(c) == Due(c) = 0

Earliest ==
    IF timers = <<>> THEN Never
    ELSE IF \E c \in Range(timers) : Due(c) = 1 THEN 1 ELSE 2

(* Of two timers that are due, the one with the earlier deadline runs first; of
   two with the same deadline, the one that was set first. *)
IsDueAndEarly(c) == Due(c) = 1 /\ now >= 1
IsDueAndLate(c) == Due(c) = 2 /\ now >= 2
IsNotDue(c) == Due(c) > now
DueInOrder ==
    SelectSeq(timers, LAMBDA c : IsDueAndEarly(c))
        \o SelectSeq(timers, LAMBDA c : IsDueAndLate(c))

TimedInit ==
    /\ Init
    /\ now = 0
    /\ timers = <<>>
    /\ deadline = Never
    /\ fired = FALSE

-----------------------------------------------------------------------------
(* The clock: goes on. *)
Tick ==
    /\ now < LastTime
    /\ now' = now + 1
    /\ UNCHANGED <<vars, timers, deadline, fired>>

(* The loop: reads the clock when its batch has run, and takes what is due. *)
Fire ==
    /\ pc[Loop] \in Iterating
    /\ batch = <<>>
    /\ ~fired
    /\ fired' = TRUE
    /\ batch' = DueInOrder
    /\ timers' = SelectSeq(timers, LAMBDA c : IsNotDue(c))
    /\ UNCHANGED <<now, deadline, holder, shared, waitSet, pc, submitted, history>>

(* Any thread: takes the mutex. The loop has run what is due before it looks
   for more. *)
TimedLock(t) ==
    /\ t = Loop /\ pc[t] \in Iterating /\ batch = <<>> => fired
    /\ Lock(t)
    /\ UNCHANGED timing

(* Any thread: puts its callback last in the queue, be it a timer or not. *)
TimedEnqueue(t) == Enqueue(t) /\ UNCHANGED timing

(* Any thread: gets its callback back. *)
TimedRefuse(t) == Refuse(t) /\ UNCHANGED timing

(* Any thread: notifies whichever waiter the condvar picks, or nobody. *)
TimedNotify(t) == Notify(t) /\ UNCHANGED timing

(* Any thread: asks the loop to stop. *)
TimedStop(t) == Stop(t) /\ UNCHANGED timing

(* Any thread: lets the mutex go, and goes on with what it was about. *)
TimedUnlock(t) == Unlock(t) /\ UNCHANGED timing

(* The loop: begins to wait until the earliest deadline. *)
TimedSleep ==
    /\ Sleep
    /\ deadline' = Earliest
    /\ UNCHANGED <<now, timers, fired>>

(* The condvar: wakes a waiter that nobody has notified. *)
TimedSpuriousWakeup == SpuriousWakeup /\ UNCHANGED timing

(* The clock: ends a wait whose deadline has come. *)
TimedTimeout ==
    /\ deadline <= now
    /\ Timeout
    /\ UNCHANGED timing

(* The loop: has woken, holds the mutex again, and looks again. *)
TimedWake ==
    /\ Wake
    /\ deadline' = Never
    /\ UNCHANGED <<now, timers, fired>>

(* The loop: takes the whole queue, and puts the timers in it aside. *)
TimedTake ==
    /\ pc[Loop] = "take"
    /\ batch' = SelectSeq(queue, LAMBDA c : IsNoTimer(c))
    /\ timers' = timers \o SelectSeq(queue, LAMBDA c : IsTimer(c))
    /\ fired' = FALSE
    /\ queue' = <<>>
    /\ Goto(Loop, "begin")
    /\ phase' = "running"
    /\ UNCHANGED <<now, deadline, holder, asleep, stopping, closed, waitSet,
                   submitted, accepted, ran, refused, cancelled, dropped>>

(* The loop: runs its next callback, or skips it if it was cancelled. *)
TimedRun == Run /\ UNCHANGED timing

(* The loop: honours a request to stop. *)
TimedStopped == Stopped /\ UNCHANGED timing

(* The loop: accepts nothing more, and drops what nobody will run. *)
TimedClose ==
    /\ pc[Loop] = "close"
    /\ closed' = TRUE
    /\ queue' = <<>>
    /\ timers' = <<>>
    /\ dropped' = (Range(queue) \union Range(timers)) \ cancelled
    /\ Goto(Loop, "end")
    /\ phase' = "closed"
    /\ UNCHANGED <<now, deadline, fired, holder, asleep, stopping, waitSet,
                   submitted, batch, accepted, ran, refused, cancelled>>

(* Any thread: cancels a callback. *)
TimedCancel(c) == Cancel(c) /\ UNCHANGED timing

(* Nobody: the proper end, with no timer left. *)
TimedTerminating ==
    /\ Terminating
    /\ timers = <<>>
    /\ UNCHANGED timing

TimedNext ==
    \/ \E t \in Threads : \/ TimedLock(t)
                        \/ TimedEnqueue(t)
                        \/ TimedRefuse(t)
                        \/ TimedNotify(t)
                        \/ TimedStop(t)
                        \/ TimedUnlock(t)
    \/ TimedSleep
    \/ TimedSpuriousWakeup
    \/ TimedTimeout
    \/ TimedWake
    \/ TimedTake
    \/ Fire
    \/ TimedRun
    \/ TimedStopped
    \/ TimedClose
    \/ Tick
    \/ \E c \in Callbacks : TimedCancel(c)
    \/ TimedTerminating

(* As in CondvarLoop, and the clock goes on and ends waits that are over. That is
   no polling: a wait without a timer is never over. *)
TimedLoopStep ==
    \/ TimedLock(Loop)
    \/ TimedEnqueue(Loop)
    \/ TimedUnlock(Loop)
    \/ TimedSleep
    \/ TimedWake
    \/ TimedTake
    \/ Fire
    \/ TimedRun
    \/ TimedStopped
    \/ TimedClose

TimedHolderStep(t) ==
    \/ TimedEnqueue(t)
    \/ TimedRefuse(t)
    \/ TimedNotify(t)
    \/ TimedStop(t)
    \/ TimedUnlock(t)

TimedSpec ==
    /\ TimedInit
    /\ [][TimedNext]_<<vars, timing>>
    /\ WF_<<vars, timing>>(TimedLoopStep)
    /\ \A t \in Others : WF_<<vars, timing>>(TimedHolderStep(t))
    /\ WF_<<vars, timing>>(Tick)
    /\ WF_<<vars, timing>>(TimedTimeout)

-----------------------------------------------------------------------------
TimedTypeOK ==
    /\ TypeOK
    /\ now \in 0..LastTime
    /\ Range(timers) \subseteq Callbacks
    /\ deadline \in 0..Never
    /\ fired \in BOOLEAN

(* Every callback that was accepted is somewhere. *)
NoTimerLost ==
    Range(accepted) =
        Range(ran) \union cancelled \union dropped
                   \union Range(batch) \union Range(queue) \union Range(timers)

(* The loop sleeps no longer than until the earliest timer that it has. One that
   it does not have yet is in the queue, and NoWakeupLost speaks of that. *)
NoOversleep == Loop \in waitSet => deadline = Earliest

(* Nothing runs before it is due. *)
NeverEarly ==
    [][\A c \in Range(ran') \ Range(ran) : Due(c) <= now]_<<vars, timing>>

(* What was set first and is due no later runs first. *)
InOrder ==
    \A i, j \in DOMAIN ran :
        i < j /\ IsTimer(ran[i]) = IsTimer(ran[j])
            => \/ Due(ran[i]) < Due(ran[j])
               \/ Contract!Position(ran[i]) < Contract!Position(ran[j])
=============================================================================
