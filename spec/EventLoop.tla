------------------------------ MODULE EventLoop ------------------------------
(***************************************************************************)
(* What an event loop promises to those who submit callbacks to it. This   *)
(* is the contract; how it is kept is the business of the modules that     *)
(* refine it: CondvarLoop, SelfPipeLoop and others. Nothing in here        *)
(* sleeps, so nothing has to be woken: a promise that a callback runs is a *)
(* promise that nobody sleeps through it.                                  *)
(*                                                                         *)
(* Callbacks are accepted in some order. If one submission happens before  *)
(* another, it comes first in that order. They run in that order, each at  *)
(* most once, in iterations: an iteration runs what had been accepted when *)
(* it began, so a callback that is submitted meanwhile has to wait for the *)
(* next one and can starve nobody.                                         *)
(*                                                                         *)
(* What the documentation of real loops leaves open stays open here. A     *)
(* clause that only some loops keep is a constant.                         *)
(***************************************************************************)
EXTENDS Naturals, Sequences

CONSTANTS
    Callbacks,  \* all the callbacks that anybody may submit, each of them once
    Wakes,      \* FALSE is the unsafe variant: a submission does not see to it
                \* that the loop begins another iteration
    PromptStop  \* whether a loop that has been asked to stop begins no further
                \* iteration in this run. asyncio documents it. A loop without
                \* it may also run what its last callbacks have submitted.

ASSUME Options == {Wakes, PromptStop} \subseteq BOOLEAN

VARIABLES
    accepted,   \* the callbacks that were accepted, a sequence in that order
    ran,        \* the callbacks that have run, a sequence in that order
    refused,    \* the set of those that came back since the loop was closed
    cancelled,  \* the set of those that were cancelled before they ran
    dropped,    \* the set of those that were accepted and then closed upon
    snapshot,   \* how many of accepted the iterations so far cover
    stopping,   \* somebody has asked the loop to return from its run
    phase       \* "idle", "started" (and no iteration yet), "running", "closed"

vars == <<accepted, ran, refused, cancelled, dropped, snapshot, stopping,
          phase>>

Range(sequence) == {sequence[i] : i \in DOMAIN sequence}

(* Accepted, and still to be run. *)
Pending(c) ==
    /\ c \in Range(accepted)
    /\ c \notin Range(ran)
    /\ c \notin cancelled
    /\ c \notin dropped

(* Everything that the current iteration covers has been dealt with. *)
IterationIsOver == \A i \in 1..snapshot : ~Pending(accepted[i])

-----------------------------------------------------------------------------
(* A refinement puts an expression in the place of `snapshot', and tla-checker
   puts none under UNCHANGED. So `snapshot' is left out of that. *)
Init ==
    /\ accepted = <<>>
    /\ ran = <<>>
    /\ refused = {}
    /\ cancelled = {}
    /\ dropped = {}
    /\ snapshot = 0
    /\ stopping = FALSE
    /\ phase = "idle"

(* Any thread: submits a callback, which is accepted. *)
Submit(c) ==
    /\ phase # "closed"
    /\ c \notin Range(accepted)
    /\ accepted' = Append(accepted, c)
    /\ snapshot' = snapshot
    /\ UNCHANGED <<ran, refused, cancelled, dropped, stopping, phase>>

(* Any thread: gets its callback back, since the loop is closed. *)
Refuse(c) ==
    /\ phase = "closed"
    /\ c \notin Range(accepted)
    /\ refused' = refused \union {c}
    /\ snapshot' = snapshot
    /\ UNCHANGED <<accepted, ran, cancelled, dropped, stopping, phase>>

(* Any thread: cancels a callback. *)
Cancel(c) ==
    /\ Pending(c)
    /\ cancelled' = cancelled \union {c}
    /\ snapshot' = snapshot
    /\ UNCHANGED <<accepted, ran, refused, dropped, stopping, phase>>

(* Any thread: asks the loop to stop. *)
Stop ==
    /\ stopping' = TRUE
    /\ snapshot' = snapshot
    /\ UNCHANGED <<accepted, ran, refused, cancelled, dropped, phase>>

(* The loop: begins a run. *)
Start ==
    /\ phase = "idle"
    /\ phase' = "started"
    /\ snapshot' = snapshot
    /\ UNCHANGED <<accepted, ran, refused, cancelled, dropped, stopping>>

(* The loop: begins an iteration, which covers what has been accepted by now. A
   request to stop forbids that only if the loop promises to stop promptly, and
   never forbids the first iteration of a run. *)
Iterate ==
    /\ phase \in {"started", "running"}
    /\ IterationIsOver
    /\ PromptStop /\ stopping => phase = "started"
    /\ snapshot' = Len(accepted)
    /\ phase' = "running"
    /\ UNCHANGED <<accepted, ran, refused, cancelled, dropped, stopping>>

(* The loop: runs a callback. It is the first that is pending, so the order is
   kept. *)
Run ==
    /\ phase = "running"
    /\ \E i \in 1..snapshot :
        /\ Pending(accepted[i])
        /\ \A j \in 1..(i - 1) : ~Pending(accepted[j])
        /\ ran' = Append(ran, accepted[i])
    /\ snapshot' = snapshot
    /\ UNCHANGED <<accepted, refused, cancelled, dropped, stopping, phase>>

(* The loop: returns from its run. A request to stop cuts no iteration short,
   and a run that was asked to stop before it began has one iteration: hence
   "started" apart from "running". *)
Return ==
    /\ phase = "running"
    /\ stopping
    /\ IterationIsOver
    /\ stopping' = FALSE
    /\ phase' = "idle"
    /\ snapshot' = snapshot
    /\ UNCHANGED <<accepted, ran, refused, cancelled, dropped>>

(* The loop: is closed, and what is pending is dropped. *)
Close ==
    /\ phase = "idle"
    /\ phase' = "closed"
    /\ dropped' = {c \in Range(accepted) : Pending(c)}
    /\ snapshot' = Len(accepted)
    /\ UNCHANGED <<accepted, ran, refused, cancelled, stopping>>

(* Nobody: nothing is left to do. Stuttering here tells a proper end from a
   deadlock. *)
Terminating ==
    /\ phase = "closed"
    /\ refused \union Range(accepted) = Callbacks
    /\ snapshot' = snapshot
    /\ UNCHANGED <<accepted, ran, refused, cancelled, dropped, stopping, phase>>

Next ==
    \/ \E c \in Callbacks : Submit(c) \/ Refuse(c) \/ Cancel(c)
    \/ Stop
    \/ Start
    \/ Iterate
    \/ Run
    \/ Return
    \/ Close
    \/ Terminating

(* Another iteration is called for: a stop is pending, or a callback that the
   iterations so far do not cover. In the unsafe variant no callback calls for
   one. A loop with nothing to do may sleep for ever. *)
CalledFor ==
    \/ stopping
    \/ Wakes /\ \E i \in DOMAIN accepted : i > snapshot /\ Pending(accepted[i])

(* The owner's thread goes on as long as it has something to do, and that is
   all that is asked of anybody: no submission has to come, no stop, no cancel. *)
Owner ==
    \/ Start
    \/ CalledFor /\ Iterate
    \/ Run
    \/ Return
    \/ Close

Fairness == WF_vars(Owner)

Spec == Init /\ [][Next]_vars /\ Fairness

-----------------------------------------------------------------------------
(* The loop's next step is demanded inside a run. A loop that is found asleep
   there for good, with this true, breaks its contract. *)
StepIsDemanded ==
    \/ phase = "started" /\ CalledFor
    \/ phase = "running" /\ (~IterationIsOver \/ CalledFor)

(* The same, as the fairness says it. Outside a run, the owner is to begin one or
   to close the loop. *)
FairnessDemandsAStep ==
    StepIsDemanded \/ phase = "idle" <=> ENABLED <<Owner>>_vars

TypeOK ==
    /\ Range(accepted) \subseteq Callbacks
    /\ Range(ran) \subseteq Callbacks
    /\ refused \subseteq Callbacks
    /\ cancelled \subseteq Callbacks
    /\ dropped \subseteq Callbacks
    /\ snapshot \in 0..Len(accepted)
    /\ stopping \in BOOLEAN
    /\ phase \in {"idle", "started", "running", "closed"}

NothingRunsTwice ==
    \A i, j \in DOMAIN ran : ran[i] = ran[j] => i = j

(* Where in the order of acceptance a callback stands. *)
Position(c) == CHOOSE i \in DOMAIN accepted : accepted[i] = c

FirstInFirstOut ==
    \A i, j \in DOMAIN ran : i < j => Position(ran[i]) < Position(ran[j])

(* No callback is in two places. *)
OneFateEach ==
    /\ Range(ran) \intersect (refused \union cancelled \union dropped) = {}
    /\ refused \intersect Range(accepted) = {}
    /\ cancelled \intersect dropped = {}

NothingAcceptedAfterClose ==
    phase = "closed" => \A c \in Callbacks : ~Pending(c)

(* Every accepted callback runs, unless it is cancelled or closed upon. *)
EveryCallbackIsSettled ==
    \A c \in Callbacks : Pending(c) ~> ~Pending(c)

StopIsHonoured ==
    stopping ~> (~stopping \/ phase = "closed")

(* What is submitted during an iteration waits for the next one. *)
NothingJoinsAnIteration == [][snapshot' # snapshot => IterationIsOver]_vars

(* What PromptStop adds. *)
StopIsPrompt ==
    [][stopping /\ phase = "running" /\ snapshot' # snapshot
        => phase' # "running"]_vars
=============================================================================
