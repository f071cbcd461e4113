------------------------------ MODULE EventTask ------------------------------
(***************************************************************************)
(* A task that waits for an event, on top of the contract: how the design  *)
(* of src/task/waker.rs and src/event.rs makes sure that the task goes on  *)
(* once the event is set. What the loop itself does to run what is         *)
(* submitted is EventLoop's promise, and not looked into here.             *)
(*                                                                         *)
(* To wake a task is to submit a callback that polls it. So that wakeups   *)
(* which come together are one, the task's waker knows whether it has been *)
(* submitted already. It forgets that before the poll, not after it: what  *)
(* the poll has looked at may change while it runs, and the wakeup that    *)
(* says so must lead to another poll.                                      *)
(*                                                                         *)
(* Each step is what one thread does under one lock: the waker's, or the   *)
(* event's. So other threads may come in between any two.                  *)
(***************************************************************************)
EXTENDS EventLoop

CONSTANTS
    Setters,    \* the threads that set the event
    Wakers      \* the threads that wake the task for no reason

Others == Setters \union Wakers

ASSUME Disjoint == Setters \intersect Wakers = {}

VARIABLES
    flag,           \* the event is set
    registered,     \* the event has the task's waker, and will use it
    wakefulness,    \* the waker's: "idle", "scheduled", "finished"
    task,           \* what the task does: "away", "begin", "look", "finish", "done"
    pc              \* what each of the others is about to do

taskVars == <<flag, registered, wakefulness, task, pc>>

(* A callback that was not submitted yet: each poll needs one. *)
Fresh == CHOOSE c \in Callbacks : c \notin Range(accepted)

EventTaskInit ==
    /\ flag = FALSE
    /\ registered = FALSE
    /\ wakefulness = "scheduled"
    /\ task = "away"
    /\ pc = [t \in Others |-> IF t \in Setters THEN "set" ELSE "wake"]
    \* The task has been spawned.
    /\ \E c \in Callbacks : accepted = <<c>>
    /\ ran = <<>>
    /\ refused = {}
    /\ cancelled = {}
    /\ dropped = {}
    /\ snapshot = 0
    /\ stopping = FALSE
    /\ phase = "idle"

-----------------------------------------------------------------------------
(* A setter: sets the flag, and takes the waker that is registered. *)
SetFlag(t) ==
    /\ pc[t] = "set"
    /\ flag' = TRUE
    /\ registered' = FALSE
    /\ pc' = [pc EXCEPT ![t] = IF registered THEN "wake" ELSE "done"]
    /\ UNCHANGED <<vars, wakefulness, task>>

(* Any thread: wakes the task, and is to submit its poll if it is the first. *)
Schedule(t) ==
    /\ pc[t] = "wake"
    /\ IF wakefulness = "idle"
       THEN /\ wakefulness' = "scheduled"
            /\ pc' = [pc EXCEPT ![t] = "submit"]
       ELSE /\ UNCHANGED wakefulness
            /\ pc' = [pc EXCEPT ![t] = "done"]
    /\ UNCHANGED <<vars, flag, registered, task>>

(* Any thread: submits a poll of the task, by call_soon_threadsafe. *)
SubmitPoll(t) ==
    /\ pc[t] = "submit"
    /\ Submit(Fresh)
    /\ pc' = [pc EXCEPT ![t] = "done"]
    /\ UNCHANGED <<flag, registered, wakefulness, task>>

(* The loop: begins a run, or another iteration. *)
Turn ==
    /\ task \in {"away", "done"}
    /\ Start \/ Iterate
    /\ UNCHANGED taskVars

(* The loop: runs a callback, which is to poll the task. *)
RunPoll ==
    /\ task \in {"away", "done"}
    /\ Run
    /\ task' = IF task = "done" THEN "done" ELSE "begin"
    /\ UNCHANGED <<flag, registered, wakefulness, pc>>

(* The task: from now on, a wakeup means another poll. *)
BeginPoll ==
    /\ task = "begin"
    /\ wakefulness' = "idle"
    /\ task' = "look"
    /\ UNCHANGED <<vars, flag, registered, pc>>

(* The task: looks at the flag, and is about to finish, or leaves its waker
   there. *)
Look ==
    /\ task = "look"
    /\ task' = IF flag THEN "finish" ELSE "away"
    /\ registered' = (registered \/ ~flag)
    /\ UNCHANGED <<vars, flag, wakefulness, pc>>

(* The task: is done. From now on, a wakeup means nothing. *)
Finish ==
    /\ task = "finish"
    /\ task' = "done"
    /\ wakefulness' = "finished"
    /\ UNCHANGED <<vars, flag, registered, pc>>

(* Nobody: the event is set, everybody is done, and nothing is left to run. *)
EventTaskTerminating ==
    /\ task = "done"
    /\ \A t \in Others : pc[t] = "done"
    /\ \A c \in Callbacks : ~Pending(c)
    /\ UNCHANGED <<vars, taskVars>>

EventTaskNext ==
    \/ \E t \in Others : SetFlag(t) \/ Schedule(t) \/ SubmitPoll(t)
    \/ Turn
    \/ RunPoll
    \/ BeginPoll
    \/ Look
    \/ Finish
    \/ EventTaskTerminating

(* The loop keeps its contract, a task that is polled comes back from it, and a
   thread that has begun to set or to wake goes through with it. *)
LoopGoesOn ==
    \/ Turn /\ (phase = "idle" \/ CalledFor)
    \/ RunPoll
    \/ BeginPoll
    \/ Look
    \/ Finish

EventTaskSpec ==
    /\ EventTaskInit
    /\ [][EventTaskNext]_<<vars, taskVars>>
    /\ WF_<<vars, taskVars>>(LoopGoesOn)
    /\ \A t \in Others :
        WF_<<vars, taskVars>>(SetFlag(t) \/ Schedule(t) \/ SubmitPoll(t))

-----------------------------------------------------------------------------
EventTaskTypeOK ==
    /\ TypeOK
    /\ flag \in BOOLEAN
    /\ registered \in BOOLEAN
    /\ wakefulness \in {"idle", "scheduled", "finished"}
    /\ task \in {"away", "begin", "look", "finish", "done"}
    /\ pc \in [Others -> {"set", "wake", "submit", "done"}]

(* A poll of the task is submitted, or some thread is about to. *)
PollIsComing ==
    \/ \E c \in Callbacks : Pending(c)
    \/ \E t \in Others : pc[t] \in {"wake", "submit"}

(* A task that waits for an event which is set will be polled. *)
NoTaskWakeupLost ==
    flag /\ task = "away" => PollIsComing

(* Wakeups that come together are one. *)
OnePollAtATime ==
    \A c, d \in Callbacks : Pending(c) /\ Pending(d) => c = d

(* Who waits for the event goes on when it is set. *)
TheTaskGoesOn == flag ~> task = "done"
=============================================================================
