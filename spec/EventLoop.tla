------------------------------ MODULE EventLoop ------------------------------
(***************************************************************************)
(* What an event loop promises to those who submit callbacks to it. This   *)
(* is the contract; how it is kept is the business of the modules that     *)
(* refine it, CondvarLoop and SelfPipeLoop. Nothing in here sleeps, so     *)
(* nothing has to be woken: a promise that a callback runs is a promise    *)
(* that nobody sleeps through it.                                          *)
(*                                                                         *)
(* Callbacks are accepted in some order. If one submission happens before  *)
(* another, it comes first in that order. They run in that order, each at  *)
(* most once, in iterations: an iteration runs what had been accepted when *)
(* it began, so a callback that is submitted meanwhile has to wait for the *)
(* next one and can starve nobody.                                         *)
(***************************************************************************)
EXTENDS Naturals, Sequences

CONSTANTS
    Callbacks,  \* all the callbacks that anybody may submit, each of them once
    Wakes       \* FALSE is the unsafe variant: a submission does not see to it
                \* that the loop begins another iteration

ASSUME Wakes \in BOOLEAN

VARIABLES
    accepted,   \* the callbacks that were accepted, a sequence in that order
    ran,        \* the callbacks that have run, a sequence in that order
    refused,    \* the set of those that came back since the loop was closed
    cancelled,  \* the set of those that were cancelled before they ran
    dropped,    \* the set of those that were accepted and then closed upon
    snapshot,   \* the iterations so far cover the first so many of accepted
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

(* The loop: begins an iteration, which covers what has been accepted by now. *)
Iterate ==
    /\ phase \in {"started", "running"}
    /\ IterationIsOver
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
   and it does not keep a run from its first one: hence "started" apart from
   "running". *)
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

(* The owner's thread goes on as long as it has something to do, and that is
   all that is asked of anybody: no submission has to come, no stop, no cancel.
   In the unsafe variant nobody sees to it that another iteration begins. *)
Owner ==
    \/ Start
    \/ Wakes /\ Iterate
    \/ Run
    \/ Return
    \/ Close

Fairness == WF_vars(Owner)

Spec == Init /\ [][Next]_vars /\ Fairness

-----------------------------------------------------------------------------
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
=============================================================================
