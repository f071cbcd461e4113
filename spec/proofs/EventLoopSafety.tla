--------------------------- MODULE EventLoopSafety ---------------------------
(***************************************************************************)
(* The contract's safety: what EventLoop.tla promises never goes wrong,    *)
(* whatever the set of callbacks is.                                       *)
(*                                                                         *)
(* The idea: every callback has one place in the order of acceptance. Run  *)
(* takes the first place that is pending, so what has run is in the order  *)
(* of the places, and everything up to the last of them is settled.        *)
(***************************************************************************)
EXTENDS EventLoop, TLAPS

(* TypeOK says that the callbacks in a sequence are callbacks. This says that
   the sequences are sequences, too. *)
TypeInv ==
    /\ accepted \in Seq(Callbacks)
    /\ ran \in Seq(Callbacks)
    /\ refused \subseteq Callbacks
    /\ cancelled \subseteq Callbacks
    /\ dropped \subseteq Callbacks
    /\ snapshot \in 0..Len(accepted)
    /\ stopping \in BOOLEAN
    /\ phase \in {"idle", "started", "running", "closed"}

(* Each callback is accepted at one place. What has run ran in the order of
   these places, and nothing up to it is pending any more. *)
OrderInv ==
    /\ \A i, j \in 1..Len(accepted) : accepted[i] = accepted[j] => i = j
    /\ \A k \in 1..Len(ran) : \E i \in 1..Len(accepted) :
          /\ ran[k] = accepted[i]
          /\ \A j \in 1..i : ~Pending(accepted[j])
    /\ \A k, l \in 1..Len(ran) : \A i, j \in 1..Len(accepted) :
          k < l /\ ran[k] = accepted[i] /\ ran[l] = accepted[j] => i < j

(* What has become of a callback: it is in one place at most, and after the
   loop was closed nothing is pending. *)
FateInv ==
    /\ \A c \in cancelled : c \notin Range(ran) /\ c \in Range(accepted)
    /\ \A c \in dropped : c \notin Range(ran) /\ c \notin cancelled /\ c \in Range(accepted)
    /\ \A c \in refused : c \notin Range(accepted)
    /\ phase # "closed" => dropped = {}
    /\ phase # "closed" => refused = {}
    /\ phase = "closed" => \A c \in Range(accepted) : ~Pending(c)

(* What the provers have to know about sequences. They find it hard to see,
   so it is proved once and cited. *)
LEMMA RangeFacts ==
    \A s \in Seq(Callbacks) :
      /\ DOMAIN s = 1..Len(s)
      /\ Len(s) \in Nat
      /\ Range(s) \subseteq Callbacks
      /\ \A c : c \in Range(s) <=> \E i \in 1..Len(s) : s[i] = c
      /\ \A c \in Callbacks :
            /\ Append(s, c) \in Seq(Callbacks)
            /\ Len(Append(s, c)) = Len(s) + 1
            /\ Range(Append(s, c)) = Range(s) \union {c}
            /\ Append(s, c)[Len(s) + 1] = c
            /\ \A i \in 1..Len(s) : Append(s, c)[i] = s[i]
<1> SUFFICES ASSUME NEW s \in Seq(Callbacks)
             PROVE  /\ DOMAIN s = 1..Len(s)
                    /\ Len(s) \in Nat
                    /\ Range(s) \subseteq Callbacks
                    /\ \A c : c \in Range(s) <=> \E i \in 1..Len(s) : s[i] = c
                    /\ \A c \in Callbacks :
                          /\ Append(s, c) \in Seq(Callbacks)
                          /\ Len(Append(s, c)) = Len(s) + 1
                          /\ Range(Append(s, c)) = Range(s) \union {c}
                          /\ Append(s, c)[Len(s) + 1] = c
                          /\ \A i \in 1..Len(s) : Append(s, c)[i] = s[i]
  OBVIOUS
<1>1. DOMAIN s = 1..Len(s) /\ Len(s) \in Nat
  OBVIOUS
<1>2. Range(s) \subseteq Callbacks /\ \A c : c \in Range(s) <=> \E i \in 1..Len(s) : s[i] = c
  BY <1>1 DEF Range
<1>3. ASSUME NEW c \in Callbacks
      PROVE  /\ Append(s, c) \in Seq(Callbacks)
             /\ Len(Append(s, c)) = Len(s) + 1
             /\ Append(s, c)[Len(s) + 1] = c
             /\ \A i \in 1..Len(s) : Append(s, c)[i] = s[i]
             /\ DOMAIN Append(s, c) = 1..(Len(s) + 1)
  BY <1>1
<1>4. ASSUME NEW c \in Callbacks
      PROVE  Range(Append(s, c)) = Range(s) \union {c}
  <2>1. \A d : d \in Range(Append(s, c)) <=> \E i \in 1..(Len(s) + 1) : Append(s, c)[i] = d
    BY <1>3 DEF Range
  <2>2. \A i \in 1..(Len(s) + 1) : i \in 1..Len(s) \/ i = Len(s) + 1
    BY <1>1
  <2>3. ASSUME NEW d PROVE d \in Range(Append(s, c)) <=> d \in Range(s) \union {c}
    BY <2>1, <2>2, <1>3, <1>2, <1>1
  <2> QED BY <2>3
<1> QED BY <1>1, <1>2, <1>3, <1>4

LEMMA EmptyRange == <<>> \in Seq(Callbacks) /\ Range(<<>>) = {} /\ Len(<<>>) = 0
  BY DEF Range

(* At first nothing has been accepted, so there is nothing to be wrong about. *)
LEMMA InitAll == Init => TypeInv /\ OrderInv /\ FateInv
  BY EmptyRange DEF Init, TypeInv, OrderInv, FateInv

(* Each action keeps the types. Run is the one that needs an argument: what
   it runs was accepted, so it is a callback. *)
LEMMA NextTypeInv == TypeInv /\ [Next]_vars => TypeInv'
<1> SUFFICES ASSUME TypeInv, [Next]_vars PROVE TypeInv'
  OBVIOUS
<1> USE RangeFacts DEF TypeInv
<1>1. ASSUME NEW c \in Callbacks, Submit(c) PROVE TypeInv'
  BY <1>1 DEF Submit
<1>2. ASSUME NEW c \in Callbacks, Refuse(c) PROVE TypeInv'
  BY <1>2 DEF Refuse
<1>3. ASSUME NEW c \in Callbacks, Cancel(c) PROVE TypeInv'
  BY <1>3 DEF Cancel
<1>4. CASE Stop BY <1>4 DEF Stop
<1>5. CASE Start BY <1>5 DEF Start
<1>6. CASE Iterate BY <1>6 DEF Iterate
<1>7. CASE Run
  <2>1. PICK i \in 1..snapshot : ran' = Append(ran, accepted[i])
    BY <1>7 DEF Run
  <2>2. accepted[i] \in Callbacks
    BY <2>1
  <2> QED BY <1>7, <2>1, <2>2 DEF Run
<1>8. CASE Return BY <1>8 DEF Return
<1>9. CASE Close BY <1>9 DEF Close
<1>10. CASE Terminating BY <1>10 DEF Terminating
<1>11. CASE UNCHANGED vars BY <1>11 DEF vars
<1> QED BY <1>1, <1>2, <1>3, <1>4, <1>5, <1>6, <1>7, <1>8, <1>9, <1>10, <1>11 DEF Next

(* Each action keeps a callback in one place: Run and Cancel take only what
   is pending, Close drops exactly what is, and Refuse takes nothing that was
   accepted. *)
LEMMA NextFate == TypeInv /\ FateInv /\ [Next]_vars => FateInv'
<1> SUFFICES ASSUME TypeInv, FateInv, [Next]_vars PROVE FateInv'
  OBVIOUS
<1>0. /\ accepted \in Seq(Callbacks) /\ ran \in Seq(Callbacks) /\ snapshot \in 0..Len(accepted)
      /\ phase \in {"idle", "started", "running", "closed"}
  BY DEF TypeInv
<1> USE <1>0, RangeFacts DEF FateInv, Pending
<1>1. ASSUME NEW c \in Callbacks, Submit(c) PROVE FateInv'
  BY <1>1 DEF Submit
<1>2. ASSUME NEW c \in Callbacks, Refuse(c) PROVE FateInv'
  BY <1>2 DEF Refuse
<1>3. ASSUME NEW c \in Callbacks, Cancel(c) PROVE FateInv'
  BY <1>3 DEF Cancel
<1>4. CASE Stop BY <1>4 DEF Stop
<1>5. CASE Start BY <1>5 DEF Start
<1>6. CASE Iterate BY <1>6 DEF Iterate
<1>7. CASE Run
  <2>1. PICK i \in 1..snapshot : Pending(accepted[i]) /\ ran' = Append(ran, accepted[i])
    BY <1>7 DEF Run
  <2>2. accepted[i] \in Callbacks /\ accepted[i] \in Range(accepted)
    BY <2>1
  <2> QED BY <1>7, <2>1, <2>2 DEF Run
<1>8. CASE Return BY <1>8 DEF Return
<1>9. CASE Close BY <1>9 DEF Close
<1>10. CASE Terminating BY <1>10 DEF Terminating
<1>11. CASE UNCHANGED vars BY <1>11 DEF vars
<1> QED BY <1>1, <1>2, <1>3, <1>4, <1>5, <1>6, <1>7, <1>8, <1>9, <1>10, <1>11 DEF Next

(* A callback that is settled stays settled. *)
LEMMA PendingStays ==
    ASSUME TypeInv, FateInv, [Next]_vars,
           NEW c \in Range(accepted), ~Pending(c)
    PROVE  ~Pending(c)'
<1>0. /\ accepted \in Seq(Callbacks) /\ ran \in Seq(Callbacks) /\ snapshot \in 0..Len(accepted)
  BY DEF TypeInv
<1> USE <1>0, RangeFacts DEF Pending
<1>1. ASSUME NEW d \in Callbacks, Submit(d) PROVE ~Pending(c)'
  BY <1>1 DEF Submit
<1>7. CASE Run
  <2>1. PICK i \in 1..snapshot : ran' = Append(ran, accepted[i])
    BY <1>7 DEF Run
  <2>2. accepted[i] \in Callbacks
    BY <2>1
  <2> QED BY <1>7, <2>1, <2>2 DEF Run
<1>9. CASE Close BY <1>9 DEF Close, FateInv
<1>10. CASE \/ \E d \in Callbacks : Refuse(d) \/ Cancel(d)
            \/ Stop \/ Start \/ Iterate \/ Return \/ Terminating \/ UNCHANGED vars
  BY <1>10 DEF Refuse, Cancel, Stop, Start, Iterate, Return, Terminating, vars
<1> QED BY <1>1, <1>7, <1>9, <1>10 DEF Next

(* Submit puts a callback at a new place, behind all others. Run takes the
   first that is pending, so its place is behind those of all that have run. *)
LEMMA NextOrder == TypeInv /\ FateInv /\ OrderInv /\ [Next]_vars => OrderInv'
<1> SUFFICES ASSUME TypeInv, FateInv, OrderInv, [Next]_vars PROVE OrderInv'
  OBVIOUS
<1>0. /\ accepted \in Seq(Callbacks) /\ ran \in Seq(Callbacks) /\ snapshot \in 0..Len(accepted)
      /\ Len(accepted) \in Nat /\ Len(ran) \in Nat
  BY DEF TypeInv
<1>p. \A i \in 1..Len(accepted) : ~Pending(accepted[i]) => ~Pending(accepted[i])'
<2> SUFFICES ASSUME NEW i \in 1..Len(accepted), ~Pending(accepted[i])
             PROVE  ~Pending(accepted[i])'
  OBVIOUS
<2>1. accepted'[i] = accepted[i]
  <3>1. ASSUME NEW c \in Callbacks, Submit(c) PROVE accepted'[i] = accepted[i]
    BY <3>1, <1>0, RangeFacts DEF Submit
  <3>2. CASE accepted' = accepted BY <3>2
  <3> QED BY <3>1, <3>2 DEF Next, Refuse, Cancel, Stop, Start, Iterate, Run, Return, Close, Terminating, vars
<2>2. ASSUME NEW c, c = accepted[i] PROVE ~Pending(c)'
  <3>1. c \in Range(accepted) /\ ~Pending(c) BY <2>2, <1>0, RangeFacts
  <3> QED BY <3>1, PendingStays
<2> QED BY <2>1, <2>2 DEF Pending
<1>1. ASSUME NEW c \in Callbacks, Submit(c) PROVE OrderInv'
  <2>1. /\ Len(accepted') = Len(accepted) + 1
        /\ \A i \in 1..Len(accepted) : accepted'[i] = accepted[i]
        /\ accepted'[Len(accepted) + 1] = c
        /\ \A i \in 1..Len(accepted) : accepted[i] # c
        /\ ran' = ran
        /\ \A i \in 1..Len(accepted') : i \in 1..Len(accepted) \/ i = Len(accepted) + 1
    BY <1>1, <1>0, RangeFacts DEF Submit
  <2>2. \A k \in 1..Len(ran) : ran[k] # c
    BY <2>1, <1>0 DEF OrderInv
  <2>3. \A i \in 1..Len(accepted) : ~Pending(accepted[i]) => ~Pending(accepted[i])'
    BY <1>1, <2>1, <1>0, RangeFacts DEF Submit, Pending
  <2>4. \A i, j \in 1..Len(accepted') : accepted'[i] = accepted'[j] => i = j
    BY <2>1, <1>0 DEF OrderInv
  <2>5. \A k \in 1..Len(ran') : \E i \in 1..Len(accepted') :
          /\ ran'[k] = accepted'[i]
          /\ \A j \in 1..i : ~Pending(accepted[j])'
    BY <2>1, <2>3, <1>0 DEF OrderInv
  <2>6. \A k, l \in 1..Len(ran') : \A i, j \in 1..Len(accepted') :
          k < l /\ ran'[k] = accepted'[i] /\ ran'[l] = accepted'[j] => i < j
    BY <2>1, <2>2, <1>0 DEF OrderInv
  <2> QED BY <2>4, <2>5, <2>6 DEF OrderInv
<1>7. CASE Run
  <2>1. PICK n \in 1..snapshot :
            /\ Pending(accepted[n])
            /\ \A j \in 1..(n - 1) : ~Pending(accepted[j])
            /\ ran' = Append(ran, accepted[n])
    BY <1>7 DEF Run
  <2>2. /\ accepted[n] \in Callbacks /\ n \in 1..Len(accepted)
        /\ Len(ran') = Len(ran) + 1
        /\ \A k \in 1..Len(ran) : ran'[k] = ran[k]
        /\ ran'[Len(ran) + 1] = accepted[n]
        /\ accepted' = accepted
        /\ \A k \in 1..Len(ran') : k \in 1..Len(ran) \/ k = Len(ran) + 1
    BY <1>7, <2>1, <1>0, RangeFacts DEF Run
  <2>3. ~Pending(accepted[n])'
    BY <2>1, <2>2, <1>0, RangeFacts DEF Pending
  <2>4. \A j \in 1..n : ~Pending(accepted[j])'
    BY <2>1, <2>2, <2>3, <1>p, <1>0
  <2>5. \A k \in 1..Len(ran') : \E i \in 1..Len(accepted') :
          /\ ran'[k] = accepted'[i]
          /\ \A j \in 1..i : ~Pending(accepted[j])'
    BY <2>2, <2>4, <1>p, <1>0 DEF OrderInv
  <2>6. \A k \in 1..Len(ran) : \A i \in 1..Len(accepted) : ran[k] = accepted[i] => i < n
    BY <2>1, <2>2, <1>0 DEF OrderInv
  <2>7. \A k, l \in 1..Len(ran') : \A i, j \in 1..Len(accepted') :
          k < l /\ ran'[k] = accepted'[i] /\ ran'[l] = accepted'[j] => i < j
    BY <2>2, <2>6, <1>0 DEF OrderInv
  <2> QED BY <2>2, <2>5, <2>7 DEF OrderInv
<1>8. CASE accepted' = accepted /\ ran' = ran
  BY <1>8, <1>p, <1>0 DEF OrderInv
<1> QED BY <1>1, <1>7, <1>8 DEF Next, Refuse, Cancel, Stop, Start, Iterate, Return, Close, Terminating, vars

(* The three together are inductive. *)
THEOREM InvariantHolds == Init /\ [][Next]_vars => [](TypeInv /\ FateInv /\ OrderInv)
<1>1. TypeInv /\ FateInv /\ OrderInv /\ [Next]_vars => (TypeInv /\ FateInv /\ OrderInv)'
  BY NextTypeInv, NextFate, NextOrder
<1> QED BY InitAll, <1>1, PTL

(* From the invariant to the words of EventLoop.tla. Position finds the one
   place at which a callback was accepted, so the order of the places is the
   order of Position. *)
LEMMA Consequences == TypeInv /\ FateInv /\ OrderInv =>
    TypeOK /\ NothingRunsTwice /\ FirstInFirstOut /\ OneFateEach /\ NothingAcceptedAfterClose
<1> SUFFICES ASSUME TypeInv, FateInv, OrderInv
             PROVE  TypeOK /\ NothingRunsTwice /\ FirstInFirstOut /\ OneFateEach /\ NothingAcceptedAfterClose
  OBVIOUS
<1>0. /\ accepted \in Seq(Callbacks) /\ ran \in Seq(Callbacks) /\ snapshot \in 0..Len(accepted)
      /\ Len(accepted) \in Nat /\ Len(ran) \in Nat
  BY DEF TypeInv
<1>1. TypeOK BY RangeFacts DEF TypeInv, TypeOK
<1>2. \A k \in 1..Len(ran) : Position(ran[k]) \in 1..Len(accepted) /\ accepted[Position(ran[k])] = ran[k]
  <2> TAKE k \in 1..Len(ran)
  <2>1. \E i \in DOMAIN accepted : accepted[i] = ran[k]
    BY <1>0, RangeFacts DEF OrderInv
  <2> QED BY <2>1, <1>0, RangeFacts DEF Position
<1>3. FirstInFirstOut
  BY <1>0, <1>2, RangeFacts DEF FirstInFirstOut, OrderInv
<1>4. NothingRunsTwice
  <2>1. \A k, l \in 1..Len(ran) : k < l => ran[k] # ran[l]
    BY <1>0 DEF OrderInv
  <2>2. \A k, l \in 1..Len(ran) : k < l \/ l < k \/ k = l
    BY <1>0
  <2>3. DOMAIN ran = 1..Len(ran) BY <1>0
  <2> QED BY <2>1, <2>2, <2>3 DEF NothingRunsTwice
<1>5. \A c \in Range(ran) : c \in Range(accepted)
  BY <1>0, RangeFacts DEF OrderInv
<1>6. OneFateEach BY <1>5 DEF OneFateEach, FateInv
<1>7. NothingAcceptedAfterClose BY DEF NothingAcceptedAfterClose, FateInv, Pending
<1> QED BY <1>1, <1>3, <1>4, <1>6, <1>7

(* The contract's safety: for any set of callbacks, finite or not, with Wakes or
   without, with PromptStop or without. *)
THEOREM Safety ==
    Spec => [](/\ TypeOK
               /\ NothingRunsTwice
               /\ FirstInFirstOut
               /\ OneFateEach
               /\ NothingAcceptedAfterClose)
  BY InvariantHolds, Consequences, PTL DEF Spec

(* The snapshot changes where an iteration begins, which needs the one before to
   be over, or where the loop is closed. It is closed when it is idle, and a run
   ends only when its iteration is over. *)
OverInv == phase \in {"idle", "started"} => IterationIsOver

LEMMA NextOver == TypeInv /\ FateInv /\ OverInv /\ [Next]_vars => OverInv'
<1> SUFFICES ASSUME TypeInv, FateInv, OverInv, [Next]_vars,
                    phase' \in {"idle", "started"}, NEW i \in 1..snapshot'
             PROVE  ~Pending(accepted[i])'
  BY DEF OverInv, IterationIsOver
<1>0. /\ accepted \in Seq(Callbacks) /\ snapshot \in 0..Len(accepted)
      /\ Len(accepted) \in Nat
      /\ phase \in {"idle", "started", "running", "closed"}
  BY DEF TypeInv
<1>1. /\ snapshot' = snapshot
      /\ phase \in {"idle", "started"} \/ IterationIsOver
  BY DEF Next, Submit, Refuse, Cancel, Stop, Start, Iterate, Run, Return, Close,
         Terminating, vars
<1>2. i \in 1..Len(accepted) /\ ~Pending(accepted[i])
  BY <1>0, <1>1 DEF OverInv, IterationIsOver
<1>3. accepted[i] \in Range(accepted)
  BY <1>0, <1>2, RangeFacts
<1>4. ASSUME NEW c, c = accepted[i] PROVE ~Pending(c)'
  BY <1>2, <1>3, <1>4, PendingStays
<1>5. accepted'[i] = accepted[i]
  <2>1. ASSUME NEW c \in Callbacks, Submit(c) PROVE accepted'[i] = accepted[i]
    BY <2>1, <1>0, <1>2, RangeFacts DEF Submit
  <2>2. CASE accepted' = accepted BY <2>2
  <2> QED
    BY <2>1, <2>2 DEF Next, Refuse, Cancel, Stop, Start, Iterate, Run, Return,
                      Close, Terminating, vars
<1> QED BY <1>4, <1>5 DEF Pending

THEOREM Iterations == Spec => NothingJoinsAnIteration
<1>1. Init => OverInv BY DEF Init, OverInv, IterationIsOver
<1>2. OverInv /\ [Next]_vars => [snapshot' # snapshot => IterationIsOver]_vars
  BY DEF OverInv, Next, Submit, Refuse, Cancel, Stop, Start, Iterate, Run, Return,
         Close, Terminating, vars
<1> QED
  BY <1>1, <1>2, InvariantHolds, NextOver, PTL DEF Spec, NothingJoinsAnIteration

(* A loop that promises to stop promptly begins no iteration after the first of a
   run once it has been asked to. *)
THEOREM PromptStops == ASSUME PromptStop PROVE Spec => StopIsPrompt
<1>1. TypeInv /\ [Next]_vars =>
        [stopping /\ phase = "running" /\ snapshot' # snapshot
            => phase' # "running"]_vars
  BY DEF TypeInv, Next, Submit, Refuse, Cancel, Stop, Start, Iterate, Run, Return,
         Close, Terminating, vars
<1> QED BY <1>1, InvariantHolds, PTL DEF Spec, StopIsPrompt
=============================================================================
