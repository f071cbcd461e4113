----------------------------- MODULE SelfPipeLoop ----------------------------
(***************************************************************************)
(* An event loop with a pipe to itself: the design of libuv, glib and      *)
(* uvloop. There is no condvar, but a selector that waits for input, and a *)
(* pipe of the loop's own among its inputs (or an eventfd, which is as     *)
(* good). The call that wakes appends to the queue and then writes a byte  *)
(* to the pipe; the plain one appends and does not write. An append is one *)
(* step here, under whatever lock the queue has.                           *)
(*                                                                         *)
(* The loop decides how long it may wait by a look at the queue, and waits *)
(* in a step of its own. A callback that is appended in between is not     *)
(* seen, and it is the byte that keeps the selector from waiting: a byte   *)
(* stays in the pipe until somebody reads it, where a condvar's            *)
(* notification would be gone. So a write is needed and a lock is not.     *)
(*                                                                         *)
(* When the selector has reported the pipe, the loop reads it before it    *)
(* takes what is queued: libuv in uv__async_io, glib in                    *)
(* g_main_context_check. AsyncioLoop reads it later, and EdgeTriggeredLoop *)
(* never does; each EXTENDS this module.                                   *)
(*                                                                         *)
(* A write to a full pipe is ignored. That does no harm, as a full pipe    *)
(* wakes the selector as well as a fuller one.                             *)
(***************************************************************************)
EXTENDS Naturals, Sequences

CONSTANTS
    Loop,            \* the loop's own thread
    Submitters,      \* the other threads that submit callbacks
    Stoppers,        \* the other threads that submit a callback which stops the
                     \* loop, once each
    CallbacksEach,   \* how many callbacks each submitter submits
    LocalCallbacks,  \* how many the loop's own callbacks submit, with no write
    PipeCapacity,    \* how many bytes the pipe holds
    TimedWaits,      \* whether the selector may return for another reason: a
                     \* timer's deadline, or input that is none of ours
    CloseEarly,      \* whether the loop may be closed while others submit
    Coalesces,       \* whether one byte may do for several callbacks: a thread
                     \* writes none if the loop has yet to notice another's
    PollsOnStop,     \* whether a loop that is asked to stop calls the selector once
                     \* more before it returns, as libuv does
    OwnWrites,       \* whether the loop's own callbacks may write a byte, as they
                     \* do in glib to stop the loop
    Wakes            \* FALSE is the unsafe variant: append without the write

Others == Submitters \union Stoppers
Threads == Others \union {Loop}

Quota(t) ==
    CASE t = Loop -> LocalCallbacks
      [] t \in Submitters -> CallbacksEach
      [] t \in Stoppers -> 1

Callbacks == UNION {{<<t, i>> : i \in 1..Quota(t)} : t \in Threads}

ASSUME Constants ==
    /\ Submitters \intersect Stoppers = {}
    /\ Loop \notin Others
    /\ CallbacksEach \in Nat \ {0}
    /\ LocalCallbacks \in Nat
    /\ PipeCapacity \in Nat \ {0}
    /\ {TimedWaits, CloseEarly, Coalesces, Wakes} \subseteq BOOLEAN
    /\ {PollsOnStop, OwnWrites} \subseteq BOOLEAN

VARIABLES
    ready,      \* the queue: what is to run, oldest first
    pipe,       \* how many bytes are in the pipe
    signalled,  \* the loop has yet to notice a signal; libuv calls it `pending'
    stopping,   \* the loop is to return after its current iteration
    closed,     \* nothing is accepted any more
    pc,         \* what each thread is about to do
    submitted,  \* how many callbacks each thread has submitted
    todo,       \* how many of ready the current iteration is still to run
    mayBlock,   \* whether the selector is to wait until there is input
    \* What has happened, for the properties: no step depends on these.
    accepted,
    ran,
    refused,
    cancelled,  \* nobody cancels: that is the same in both designs
    dropped,
    phase       \* the loop's, as in EventLoop

history == <<accepted, ran, refused, cancelled, dropped, phase>>
vars == <<ready, pipe, signalled, stopping, closed, pc, submitted, todo,
          mayBlock, history>>

(* The contract. The iterations so far cover all but what is ready beyond the
   current one's share. *)
Contract == INSTANCE EventLoop
            WITH snapshot <- Len(accepted) - (Len(ready) - todo),
                 PromptStop <- TRUE

Range(sequence) == {sequence[i] : i \in DOMAIN sequence}

Goto(t, label) == pc' = [pc EXCEPT ![t] = label]

Upcoming(t) == <<t, submitted[t] + 1>>

(* Where a thread goes when it has submitted another callback. *)
AfterSubmission(t) == IF submitted[t] + 1 < Quota(t) THEN "ready" ELSE "done"

Init ==
    /\ ready = <<>>
    /\ pipe = 0
    /\ signalled = FALSE
    /\ stopping = FALSE
    /\ closed = FALSE
    /\ pc = [t \in Threads |-> IF t = Loop THEN "idle" ELSE "ready"]
    /\ submitted = [t \in Threads |-> 0]
    /\ todo = 0
    /\ mayBlock = FALSE
    /\ accepted = <<>>
    /\ ran = <<>>
    /\ refused = {}
    /\ cancelled = {}
    /\ dropped = {}
    /\ phase = "idle"

-----------------------------------------------------------------------------
(* Another thread: finds the loop open, or gets its callback back. *)
Check(t) ==
    /\ pc[t] = "ready"
    /\ IF closed
       THEN /\ refused' = refused \union {Upcoming(t)}
            /\ submitted' = [submitted EXCEPT ![t] = @ + 1]
            /\ Goto(t, AfterSubmission(t))
       ELSE /\ Goto(t, "append")
            /\ UNCHANGED <<submitted, refused>>
    /\ UNCHANGED <<ready, pipe, signalled, stopping, closed, todo, mayBlock,
                   accepted, ran, cancelled, dropped, phase>>

(* Another thread: appends its callback to what is ready. In the safe variant a
   byte follows. *)
Enqueue(t) ==
    /\ pc[t] = "append"
    /\ ready' = Append(ready, Upcoming(t))
    /\ accepted' = Append(accepted, Upcoming(t))
    /\ IF Wakes
       THEN /\ Goto(t, IF Coalesces THEN "signal" ELSE "write")
            /\ UNCHANGED submitted
       ELSE /\ Goto(t, AfterSubmission(t))
            /\ submitted' = [submitted EXCEPT ![t] = @ + 1]
    /\ UNCHANGED <<pipe, signalled, stopping, closed, todo, mayBlock, ran,
                   refused, cancelled, dropped, phase>>

(* Another thread: signals the loop, and writes if nobody else did before. *)
Signal(t) ==
    /\ pc[t] = "signal"
    /\ signalled' = TRUE
    /\ IF signalled
       THEN /\ Goto(t, AfterSubmission(t))
            /\ submitted' = [submitted EXCEPT ![t] = @ + 1]
       ELSE /\ Goto(t, "write")
            /\ UNCHANGED submitted
    /\ UNCHANGED <<ready, pipe, stopping, closed, todo, mayBlock, history>>

(* Another thread: writes a byte to the pipe, if it is not full. *)
Write(t) ==
    /\ pc[t] = "write"
    /\ pipe' = IF pipe < PipeCapacity THEN pipe + 1 ELSE pipe
    /\ submitted' = [submitted EXCEPT ![t] = @ + 1]
    /\ Goto(t, AfterSubmission(t))
    /\ UNCHANGED <<ready, signalled, stopping, closed, todo, mayBlock,
                   history>>

(* The loop: begins a run. *)
Start ==
    /\ pc[Loop] = "idle"
    /\ Goto(Loop, "look")
    /\ phase' = "started"
    /\ UNCHANGED <<ready, pipe, signalled, stopping, closed, submitted, todo,
                   mayBlock, accepted, ran, refused, cancelled, dropped>>

(* The loop: looks whether it may wait, which it may if nothing is ready and it
   has not been asked to stop. *)
Look ==
    /\ pc[Loop] = "look"
    /\ mayBlock' = (ready = <<>> /\ ~stopping)
    /\ Goto(Loop, "select")
    /\ UNCHANGED <<ready, pipe, signalled, stopping, closed, submitted, todo,
                   history>>

(* The loop: returns from the selector, since it need not wait or there is a
   byte. It reads the pipe if the selector has reported it. *)
Select ==
    /\ pc[Loop] = "select"
    /\ \/ ~mayBlock
       \/ pipe > 0
    /\ Goto(Loop, IF pipe > 0 THEN "drain" ELSE "take")
    /\ UNCHANGED <<ready, pipe, signalled, stopping, closed, submitted, todo,
                   mayBlock, history>>

(* The loop: returns from the selector for another reason. *)
Timeout ==
    /\ TimedWaits
    /\ pc[Loop] = "select"
    /\ pipe = 0
    /\ Goto(Loop, "take")
    /\ UNCHANGED <<ready, pipe, signalled, stopping, closed, submitted, todo,
                   mayBlock, history>>

(* The loop: reads whatever is in the pipe. *)
Drain ==
    /\ pc[Loop] = "drain"
    /\ pipe' = 0
    /\ Goto(Loop, IF Coalesces THEN "notice" ELSE "take")
    /\ UNCHANGED <<ready, signalled, stopping, closed, submitted, todo,
                   mayBlock, history>>

(* The loop: notices that it was signalled, before it takes what is ready. A
   thread that appends from now on has to write. *)
Notice ==
    /\ pc[Loop] = "notice"
    /\ signalled' = FALSE
    /\ Goto(Loop, "take")
    /\ UNCHANGED <<ready, pipe, stopping, closed, submitted, todo, mayBlock,
                   history>>

(* The loop: begins an iteration, which covers what is ready now. *)
Take ==
    /\ pc[Loop] = "take"
    /\ ~(PollsOnStop /\ stopping)
    /\ todo' = Len(ready)
    /\ Goto(Loop, "run")
    /\ phase' = "running"
    /\ UNCHANGED <<ready, pipe, signalled, stopping, closed, submitted,
                   mayBlock, accepted, ran, refused, cancelled, dropped>>

(* The loop: runs the first that is ready. *)
Run ==
    /\ pc[Loop] = "run"
    /\ todo > 0
    /\ ready' = Tail(ready)
    /\ todo' = todo - 1
    /\ ran' = Append(ran, Head(ready))
    /\ Goto(Loop, IF Head(ready)[1] \in Stoppers THEN "stop" ELSE "run")
    /\ UNCHANGED <<pipe, signalled, stopping, closed, submitted, mayBlock,
                   accepted, refused, cancelled, dropped, phase>>

(* The loop: is asked to stop, by the callback that it runs. *)
Stop ==
    /\ pc[Loop] = "stop"
    /\ stopping' = TRUE
    /\ Goto(Loop, "run")
    /\ UNCHANGED <<ready, pipe, signalled, closed, submitted, todo, mayBlock,
                   history>>

(* The loop: submits with call_soon, in a callback. It needs no byte, since the
   loop looks at what is ready before it waits. *)
CallSoon ==
    /\ pc[Loop] = "run"
    /\ submitted[Loop] < Quota(Loop)
    /\ ready' = Append(ready, Upcoming(Loop))
    /\ accepted' = Append(accepted, Upcoming(Loop))
    /\ submitted' = [submitted EXCEPT ![Loop] = @ + 1]
    /\ UNCHANGED <<pipe, signalled, stopping, closed, pc, todo, mayBlock, ran,
                   refused, cancelled, dropped, phase>>

(* The loop: writes a byte to itself. It need not, since it looks at what is ready
   before it waits. *)
OwnWrite ==
    /\ OwnWrites
    /\ pc[Loop] = "run"
    /\ pipe' = IF pipe < PipeCapacity THEN pipe + 1 ELSE pipe
    /\ UNCHANGED <<ready, signalled, stopping, closed, pc, submitted, todo,
                   mayBlock, history>>

(* The loop: has finished its iteration, and goes on to the next, or to the last
   call of the selector. *)
Continue ==
    /\ pc[Loop] = "run"
    /\ todo = 0
    /\ ~stopping \/ PollsOnStop
    /\ Goto(Loop, "look")
    /\ UNCHANGED <<ready, pipe, signalled, stopping, closed, submitted, todo,
                   mayBlock, history>>

(* The loop: honours the request to stop. If it has called the selector once more,
   it has read the pipe, and takes nothing: what is ready waits for the next run. *)
Return ==
    /\ pc[Loop] = IF PollsOnStop THEN "take" ELSE "run"
    /\ todo = 0
    /\ stopping
    /\ stopping' = FALSE
    /\ Goto(Loop, "idle")
    /\ phase' = "idle"
    /\ UNCHANGED <<ready, pipe, signalled, closed, submitted, todo, mayBlock,
                   accepted, ran, refused, cancelled, dropped>>

(* The loop: accepts nothing more, and drops what is ready. Check and append are
   two steps, so a callback may be accepted after this and never run, unless
   whoever closes waits for the others. *)
Close ==
    /\ pc[Loop] = "idle"
    /\ CloseEarly \/ \A t \in Others : pc[t] = "done"
    /\ closed' = TRUE
    /\ ready' = <<>>
    /\ dropped' = Range(ready)
    /\ Goto(Loop, "done")
    /\ phase' = "closed"
    /\ UNCHANGED <<pipe, signalled, stopping, submitted, todo, mayBlock,
                   accepted, ran, refused, cancelled>>

(* Nobody: the others are done, and the loop is closed, or waits with nothing to
   run. That is the proper end. *)
Terminating ==
    /\ \A t \in Others : pc[t] = "done"
    /\ \/ pc[Loop] = "done"
       \/ pc[Loop] = "select" /\ mayBlock /\ pipe = 0 /\ ready = <<>>
    /\ UNCHANGED vars

Next ==
    \/ \E t \in Others : Check(t) \/ Enqueue(t) \/ Signal(t) \/ Write(t)
    \/ Start
    \/ Look
    \/ Select
    \/ Timeout
    \/ Drain
    \/ Notice
    \/ Take
    \/ Run
    \/ Stop
    \/ CallSoon
    \/ OwnWrite
    \/ Continue
    \/ Return
    \/ Close
    \/ Terminating

(* The loop's thread goes on, and whoever has appended writes. That a wait times
   out is not asked for: it would be polling. *)
LoopStep ==
    \/ Start
    \/ Look
    \/ Select
    \/ Drain
    \/ Notice
    \/ Take
    \/ Run
    \/ Stop
    \/ Continue
    \/ Return
    \/ Close

Fairness ==
    /\ WF_vars(LoopStep)
    /\ \A t \in Others : WF_vars(Signal(t) \/ Write(t))

Spec == Init /\ [][Next]_vars /\ Fairness

-----------------------------------------------------------------------------
TypeOK ==
    /\ Range(ready) \subseteq Callbacks
    /\ pipe \in 0..PipeCapacity
    /\ signalled \in BOOLEAN
    /\ stopping \in BOOLEAN
    /\ closed \in BOOLEAN
    /\ \A t \in Others :
        pc[t] \in {"ready", "append", "signal", "write", "done"}
    /\ pc[Loop] \in {"idle", "look", "select", "drain", "notice", "take", "run",
                    "stop", "done"}
    /\ \A t \in Threads : submitted[t] \in 0..Quota(t)
    /\ todo \in 0..Len(ready)
    /\ mayBlock \in BOOLEAN
    /\ Range(accepted) \subseteq Callbacks
    /\ Range(ran) \subseteq Callbacks
    /\ refused \subseteq Callbacks
    /\ dropped \subseteq Callbacks
    /\ phase \in {"idle", "started", "running", "closed"}

(* Nobody sleeps beside work unless a byte is under way. *)
NoWakeupLost ==
    \/ ~(pc[Loop] = "select" /\ mayBlock /\ pipe = 0)
    \/ \E t \in Others : \/ pc[t] = "write"
                        \/ (pc[t] = "signal" /\ ~signalled)
    \/ ready = <<>>

NothingLost ==
    Range(accepted) = Range(ran) \union dropped \union Range(ready)

NothingRunsTwice == Contract!NothingRunsTwice

FirstInFirstOut == Contract!FirstInFirstOut

NothingAcceptedAfterClose ==
    closed => \A c \in Callbacks : ~Contract!Pending(c)

RefinesEventLoop == Contract!Init /\ [][Contract!Next]_(Contract!vars)

(* The same with the contract's fairness. *)
KeepsContract == Contract!Spec

FairnessDemandsAStep == Contract!FairnessDemandsAStep

EveryCallbackIsSettled ==
    \A c \in Callbacks : Contract!Pending(c) ~> ~Contract!Pending(c)

StopIsHonoured ==
    stopping ~> (~stopping \/ closed)
=============================================================================
