----------------------------- MODULE CondvarLoop -----------------------------
(***************************************************************************)
(* An event loop around one mutex, one condvar and one queue: the design   *)
(* of src/inbox.rs. Each action bears the name of the step that it         *)
(* describes there, and is as large as that step: Lock, Enqueue, Notify    *)
(* and Unlock are four actions, so other threads may come in between.      *)
(*                                                                         *)
(* The loop's thread holds the mutex while it looks whether there is       *)
(* anything to do. If there is not, it sets the flag `asleep' and waits on *)
(* the condvar, which lets go of the mutex and joins the wait set in one   *)
(* step. A thread that submits holds the same mutex, enqueues, and if it   *)
(* finds `asleep' set, it notifies: that is what call_soon_threadsafe      *)
(* does. The unsafe variant, call_soon from any thread but the loop's own, *)
(* enqueues and leaves the loop asleep.                                    *)
(*                                                                         *)
(* The condvar is as bad as its documentation allows: a notification goes  *)
(* to any waiter, is lost if there is none, a waiter may wake for no       *)
(* reason, and a timed wait may time out at any moment.                    *)
(***************************************************************************)
EXTENDS Naturals, Sequences, FiniteSets

CONSTANTS
    Loop,             \* the loop's own thread, which runs it and closes it
    Submitters,       \* the other threads that submit callbacks
    Stoppers,         \* the other threads that ask the loop to stop, once each
    Nobody,           \* what holds the mutex when no thread does
    CallbacksEach,    \* how many callbacks each submitter submits
    LocalCallbacks,   \* how many the loop's own thread submits, by call_soon
    LocalStops,       \* whether the loop's own thread may ask it to stop
    Cancels,          \* whether callbacks may be cancelled
    SpuriousWakeups,  \* whether the condvar may wake a waiter for no reason
    TimedWaits,       \* whether the loop's waits may time out
    Wakes             \* FALSE is the unsafe variant: enqueue without the wakeup

Others == Submitters \union Stoppers
Threads == Others \union {Loop}

(* The callbacks that a thread submits, one after the other. *)
Quota(t) ==
    IF t = Loop THEN LocalCallbacks
    ELSE IF t \in Submitters THEN CallbacksEach ELSE 0

(* A callback is known by who submits it, and by which of theirs it is. *)
Callbacks == UNION {{<<t, i>> : i \in 1..Quota(t)} : t \in Threads}

ASSUME Constants ==
    /\ Submitters \intersect Stoppers = {}
    /\ {Loop, Nobody} \intersect Others = {}
    /\ Loop # Nobody
    /\ CallbacksEach \in Nat \ {0}
    /\ LocalCallbacks \in Nat
    /\ {LocalStops, Cancels, SpuriousWakeups, TimedWaits, Wakes} \subseteq BOOLEAN

VARIABLES
    \* What the mutex guards, and who holds it.
    holder,     \* a thread, or Nobody
    queue,      \* accepted callbacks that no iteration has taken, oldest first
    asleep,     \* the loop waits, and nobody has decided to wake it yet
    stopping,   \* the loop is to return after its current iteration
    closed,     \* nothing is accepted any more
    \* The condvar.
    waitSet,    \* the threads that wait on it
    \* The threads.
    pc,         \* what each thread is about to do
    submitted,  \* how many callbacks each thread has submitted
    batch,      \* what the loop took and has not run yet, oldest first
    phase,      \* the loop's, as in EventLoop
    \* What has happened, for the properties: no step depends on these.
    accepted,   \* the callbacks that were accepted, a sequence in that order
    ran,        \* the callbacks that have run, a sequence in that order
    refused,    \* the set of those that came back since the loop was closed
    cancelled,  \* the set of those that were cancelled before they ran
    dropped     \* the set of those that were accepted and then closed upon

shared == <<queue, asleep, stopping, closed>>
history == <<accepted, ran, refused, cancelled, dropped, phase>>
vars == <<holder, shared, waitSet, pc, submitted, batch, history>>

(* The contract. The iterations so far have taken all but what is queued. A loop
   that was asleep when it was asked to stop begins one iteration more. *)
Contract == INSTANCE EventLoop WITH snapshot <- Len(accepted) - Len(queue),
                                    PromptStop <- FALSE

Range(sequence) == {sequence[i] : i \in DOMAIN sequence}

(***************************************************************************)
(* What a thread is about to do. The labels on the left are outside the    *)
(* mutex, those on the right inside:                                       *)
(*                                                                         *)
(*   others   ready, done               submit, stop, notify, unlock       *)
(*   loop     idle, run, callback,      submit, sleep, take, honour,       *)
(*            done, waiting, notified,  close, unlock, begin, return, end  *)
(*            timed out                                                    *)
(*                                                                         *)
(* `unlock', `begin', `return' and `end' all let the mutex go; they differ *)
(* in what comes after it. At `run' the loop has begun an iteration, at    *)
(* `callback' it is in one of its callbacks or between two. There, and     *)
(* where it does not run at all, its own thread may submit and stop it.    *)
(***************************************************************************)
Critical == {"submit", "stop", "notify", "unlock", "sleep", "take", "begin",
             "honour", "close", "return", "end"}

Iterating == {"run", "callback"}

AtLarge == {"idle", "callback"}

Goto(t, label) == pc' = [pc EXCEPT ![t] = label]

Upcoming(t) == <<t, submitted[t] + 1>>

Init ==
    /\ holder = Nobody
    /\ queue = <<>>
    /\ asleep = FALSE
    /\ stopping = FALSE
    /\ closed = FALSE
    /\ waitSet = {}
    /\ pc = [t \in Threads |-> IF t = Loop THEN "idle" ELSE "ready"]
    /\ submitted = [t \in Threads |-> 0]
    /\ batch = <<>>
    /\ accepted = <<>>
    /\ ran = <<>>
    /\ refused = {}
    /\ cancelled = {}
    /\ dropped = {}
    /\ phase = "idle"

-----------------------------------------------------------------------------
(* What the loop sees when it holds the mutex and looks. It goes by that until
   it lets the mutex go, since nobody else can change it meanwhile. *)
NothingToDo ==
    /\ queue = <<>>
    /\ ~stopping

(* A request to stop does not keep a run from its first iteration. It keeps it
   from sleeping. *)
FirstLook == IF NothingToDo THEN "sleep" ELSE "take"
NextLook == IF stopping THEN "honour" ELSE FirstLook

(* Any thread: takes the mutex. *)
Lock(t) ==
    /\ holder = Nobody
    /\ holder' = t
    /\ \/ /\ pc[t] = "ready"
          /\ Goto(t, IF t \in Stoppers THEN "stop" ELSE "submit")
          /\ UNCHANGED phase
       \/ /\ pc[t] = "idle"                  \* run_forever
          /\ Goto(t, FirstLook)
          /\ phase' = "started"
       \/ /\ pc[t] = "idle"                  \* close
          /\ Goto(t, "close")
          /\ UNCHANGED phase
       \/ /\ pc[t] \in Iterating             \* after the iteration
          /\ batch = <<>>
          /\ Goto(t, NextLook)
          /\ UNCHANGED phase
       \/ /\ pc[t] \in AtLarge               \* call_soon on the loop's own thread
          /\ submitted[t] < Quota(t)
          /\ Goto(t, "submit")
          /\ UNCHANGED phase
       \/ /\ pc[t] \in AtLarge               \* stop on the loop's own thread
          /\ LocalStops
          /\ Goto(t, "stop")
          /\ UNCHANGED phase
    /\ UNCHANGED <<shared, waitSet, submitted, batch,
                   accepted, ran, refused, cancelled, dropped>>

(* Any thread: puts its callback last in the queue. If the loop is asleep, it is
   to be notified: that is the difference between the two calls. On the loop's
   own thread `asleep' is FALSE, which is why call_soon may do without it. *)
Enqueue(t) ==
    /\ pc[t] = "submit"
    /\ ~closed
    /\ queue' = Append(queue, Upcoming(t))
    /\ accepted' = Append(accepted, Upcoming(t))
    /\ submitted' = [submitted EXCEPT ![t] = @ + 1]
    /\ Goto(t, IF Wakes /\ asleep THEN "notify" ELSE "unlock")
    /\ UNCHANGED <<holder, asleep, stopping, closed, waitSet, batch,
                   ran, refused, cancelled, dropped, phase>>

(* Any thread: gets its callback back. *)
Refuse(t) ==
    /\ pc[t] = "submit"
    /\ closed
    /\ refused' = refused \union {Upcoming(t)}
    /\ submitted' = [submitted EXCEPT ![t] = @ + 1]
    /\ Goto(t, "unlock")
    /\ UNCHANGED <<holder, shared, waitSet, batch,
                   accepted, ran, cancelled, dropped, phase>>

(* Any thread: notifies whichever waiter the condvar picks, or nobody. *)
Notify(t) ==
    /\ pc[t] = "notify"
    /\ asleep' = FALSE
    /\ \/ /\ waitSet = {}
          /\ Goto(t, "unlock")
          /\ UNCHANGED waitSet
       \/ \E w \in waitSet :
            /\ waitSet' = waitSet \ {w}
            /\ pc' = [pc EXCEPT ![t] = "unlock", ![w] = "notified"]
    /\ UNCHANGED <<holder, queue, stopping, closed, submitted, batch, history>>

(* Any thread: asks the loop to stop. *)
Stop(t) ==
    /\ pc[t] = "stop"
    /\ stopping' = TRUE
    /\ Goto(t, IF asleep THEN "notify" ELSE "unlock")
    /\ UNCHANGED <<holder, queue, asleep, closed, waitSet, submitted, batch,
                   history>>

(* Any thread: lets the mutex go, and goes on with what it was about. *)
Unlock(t) ==
    /\ pc[t] \in {"unlock", "begin", "return", "end"}
    /\ holder' = Nobody
    /\ Goto(t, CASE pc[t] = "return" -> "idle"
                 [] pc[t] = "end" -> "done"
                 [] pc[t] = "begin" -> "run"
                 [] pc[t] = "unlock" /\ t = Loop ->
                        IF phase = "idle" THEN "idle" ELSE "callback"
                 [] pc[t] = "unlock" /\ t # Loop ->
                        IF submitted[t] < Quota(t) THEN "ready" ELSE "done")
    /\ UNCHANGED <<shared, waitSet, submitted, batch, history>>

(* The loop: begins to wait, and lets the mutex go by that. *)
Sleep ==
    /\ pc[Loop] = "sleep"
    /\ holder' = Nobody
    /\ asleep' = TRUE
    /\ waitSet' = waitSet \union {Loop}
    /\ Goto(Loop, "waiting")
    /\ UNCHANGED <<queue, stopping, closed, submitted, batch, history>>

(* The condvar: wakes a waiter that nobody has notified. *)
SpuriousWakeup ==
    /\ SpuriousWakeups
    /\ \E w \in waitSet :
        /\ waitSet' = waitSet \ {w}
        /\ Goto(w, "notified")
    /\ UNCHANGED <<holder, shared, submitted, batch, history>>

(* The clock: ends a wait whose deadline has come. *)
Timeout ==
    /\ TimedWaits
    /\ \E w \in waitSet :
        /\ waitSet' = waitSet \ {w}
        /\ Goto(w, "timed out")
    /\ UNCHANGED <<holder, shared, submitted, batch, history>>

(* The loop: has woken, holds the mutex again, and looks again. It takes what
   there is without a look if its wait has timed out: then it is time for an
   iteration, whatever the queue holds. *)
Wake ==
    /\ pc[Loop] \in {"notified", "timed out"}
    /\ holder = Nobody
    /\ holder' = Loop
    /\ asleep' = FALSE
    /\ Goto(Loop, IF pc[Loop] = "timed out" THEN "take" ELSE FirstLook)
    /\ UNCHANGED <<queue, stopping, closed, waitSet, submitted, batch, history>>

(* The loop: takes the whole queue for the next iteration. *)
Take ==
    /\ pc[Loop] = "take"
    /\ batch' = queue
    /\ queue' = <<>>
    /\ Goto(Loop, "begin")
    /\ phase' = "running"
    /\ UNCHANGED <<holder, asleep, stopping, closed, waitSet, submitted,
                   accepted, ran, refused, cancelled, dropped>>

(* The loop: runs its next callback, or skips it if it was cancelled. *)
Run ==
    /\ pc[Loop] \in Iterating
    /\ batch # <<>>
    /\ batch' = Tail(batch)
    /\ ran' = IF Head(batch) \in cancelled THEN ran
              ELSE Append(ran, Head(batch))
    /\ Goto(Loop, "callback")
    /\ UNCHANGED <<holder, shared, waitSet, submitted,
                   accepted, refused, cancelled, dropped, phase>>

(* The loop: honours a request to stop. *)
Stopped ==
    /\ pc[Loop] = "honour"
    /\ stopping' = FALSE
    /\ Goto(Loop, "return")
    /\ phase' = "idle"
    /\ UNCHANGED <<holder, queue, asleep, closed, waitSet, submitted, batch,
                   accepted, ran, refused, cancelled, dropped>>

(* The loop: accepts nothing more, and drops what nobody will run. *)
Close ==
    /\ pc[Loop] = "close"
    /\ closed' = TRUE
    /\ queue' = <<>>
    /\ dropped' = Range(queue) \ cancelled
    /\ Goto(Loop, "end")
    /\ phase' = "closed"
    /\ UNCHANGED <<holder, asleep, stopping, waitSet, submitted, batch,
                   accepted, ran, refused, cancelled>>

(* Any thread: cancels a callback. Each callback has a small lock of its own
   for that, so it needs nothing from the loop. *)
Cancel(c) ==
    /\ Cancels
    /\ c \in Range(accepted)
    /\ c \notin Range(ran)
    /\ c \notin cancelled
    /\ c \notin dropped
    /\ cancelled' = cancelled \union {c}
    /\ UNCHANGED <<holder, shared, waitSet, pc, submitted, batch,
                   accepted, ran, refused, dropped, phase>>

(* Nobody: the others are done, and the loop is closed, or waits with nothing to
   do. That is the proper end; any other state without a successor is a
   deadlock. *)
Terminating ==
    /\ \A t \in Others : pc[t] = "done"
    /\ \/ pc[Loop] = "done"
       \/ /\ pc[Loop] = "waiting"
          /\ NothingToDo
    /\ UNCHANGED vars

Next ==
    \/ \E t \in Threads : \/ Lock(t)
                        \/ Enqueue(t)
                        \/ Refuse(t)
                        \/ Notify(t)
                        \/ Stop(t)
                        \/ Unlock(t)
    \/ Sleep
    \/ SpuriousWakeup
    \/ Timeout
    \/ Wake
    \/ Take
    \/ Run
    \/ Stopped
    \/ Close
    \/ \E c \in Callbacks : Cancel(c)
    \/ Terminating

(***************************************************************************)
(* Fairness: what must go on for the promises to be kept.                  *)
(*                                                                         *)
(* - LoopStep: the loop's thread. Where it halts with a step to take, what *)
(*   it has accepted is never run (Lock, Enqueue, Unlock, Wake, Take,      *)
(*   Run), or neither run nor dropped (Stopped, Close), or it keeps the    *)
(*   mutex and nobody can submit (Sleep). It competes for the mutex with   *)
(*   threads that want it finitely often, so weak fairness is enough; were *)
(*   there no end to submissions, Lock and Wake would need strong          *)
(*   fairness, that is, a mutex that nobody is kept from for ever.         *)
(* - HolderStep: whoever else holds the mutex. A thread that halts there   *)
(*   keeps the loop out, with a callback in the queue (Enqueue, Notify,    *)
(*   Unlock), a request to stop unheard (Stop), or for nothing at all      *)
(*   (Refuse).                                                             *)
(*                                                                         *)
(* Not asked for: that any thread submits, stops or cancels, or even gets  *)
(* the mutex for it; that a wait ever times out or wakes spuriously. The   *)
(* last two, if they could be relied on, would be polling, and would hide  *)
(* every wakeup that is lost.                                              *)
(***************************************************************************)
LoopStep ==
    \/ Lock(Loop)
    \/ Enqueue(Loop)
    \/ Unlock(Loop)
    \/ Sleep
    \/ Wake
    \/ Take
    \/ Run
    \/ Stopped
    \/ Close

HolderStep(t) ==
    \/ Enqueue(t)
    \/ Refuse(t)
    \/ Notify(t)
    \/ Stop(t)
    \/ Unlock(t)

Fairness ==
    /\ WF_vars(LoopStep)
    /\ \A t \in Others : WF_vars(HolderStep(t))

Spec == Init /\ [][Next]_vars /\ Fairness

-----------------------------------------------------------------------------
TypeOK ==
    /\ holder \in Threads \union {Nobody}
    /\ Range(queue) \subseteq Callbacks
    /\ asleep \in BOOLEAN
    /\ stopping \in BOOLEAN
    /\ closed \in BOOLEAN
    /\ waitSet \subseteq Threads
    /\ pc \in [Threads -> Critical \union Iterating
                                \union {"ready", "done", "idle", "waiting",
                                        "notified", "timed out"}]
    /\ \A t \in Threads : submitted[t] \in 0..Quota(t)
    /\ Range(batch) \subseteq Callbacks
    /\ Range(accepted) \subseteq Callbacks
    /\ Range(ran) \subseteq Callbacks
    /\ refused \subseteq Callbacks
    /\ cancelled \subseteq Callbacks
    /\ dropped \subseteq Callbacks
    /\ phase \in {"idle", "started", "running", "closed"}

(* The mutex is held by the one thread that is where it must be held. *)
MutualExclusion ==
    \A t \in Threads : holder = t <=> pc[t] \in Critical

(* The heart of it: nobody sleeps beside work unless a notification is under
   way, that is, unless a thread is about to send one. *)
NoWakeupLost ==
    \/ Loop \notin waitSet
    \/ \E t \in Threads : pc[t] = "notify"
    \/ queue = <<>> /\ ~stopping

(* Every callback that was accepted is somewhere. *)
NothingLost ==
    Range(accepted) =
        Range(ran) \union cancelled \union dropped
                   \union Range(batch) \union Range(queue)

NothingRunsTwice == Contract!NothingRunsTwice

FirstInFirstOut == Contract!FirstInFirstOut

NothingAcceptedAfterClose ==
    closed => \A c \in Callbacks : ~Contract!Pending(c)

(* Every step is one that the contract allows, or none that it can see. *)
RefinesEventLoop == Contract!Init /\ [][Contract!Next]_(Contract!vars)

(* And every step is one of LostWakeup, or none that it can see: that page leaves
   much out, and nothing that a lost wakeup needs. *)
OnePage == INSTANCE LostWakeup WITH
    queued <- queue # <<>> \/ stopping,
    waking <- \E t \in Threads : pc[t] = "notify"

RefinesLostWakeup == OnePage!Init /\ [][OnePage!Next]_(OnePage!vars)

(* The contract with its fairness: what it demands of the loop does happen. If
   the loop's own thread may stop the loop, that is asking too much: a callback
   may do so for ever and never return. *)
KeepsContract == Contract!Spec

FairnessDemandsAStep == Contract!FairnessDemandsAStep

(* An iteration for no reason: nothing was queued, nobody asked for a stop, no
   wait timed out. *)
NoIdleIteration ==
    [][pc'[Loop] = "take" /\ pc[Loop] # "take"
        => ~NothingToDo \/ pc[Loop] = "timed out"]_vars

(* A callback may submit another, so it must not run under the mutex. *)
RunsUnlocked == [][ran' # ran => holder # Loop]_vars

(* Nobody is kept from submitting for ever by a thread that holds the mutex. *)
MutexIsReleased == holder # Nobody ~> holder = Nobody

(* The contract's promises. *)
EveryCallbackIsSettled ==
    \A c \in Callbacks : Contract!Pending(c) ~> ~Contract!Pending(c)

StopIsHonoured ==
    stopping ~> (~stopping \/ closed)
=============================================================================
