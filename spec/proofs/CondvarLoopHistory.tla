------------------------- MODULE CondvarLoopHistory --------------------------
(***************************************************************************)
(* Where every accepted callback is: it has run, was cancelled or dropped, *)
(* or it stands in the batch or in the queue, in the order in which it was *)
(* accepted.                                                               *)
(***************************************************************************)
EXTENDS CondvarLoopPhases

(* How many of the accepted callbacks have left both the queue and the batch. *)
First == Len(accepted) - Len(queue) - Len(batch)

Settled(c) == c \in Range(ran) \/ c \in cancelled \/ c \in dropped

(* The queue and the batch are the last part of what was accepted, in that
   order. All before that is settled, and nothing in it has run. A thread's
   callbacks are numbered, so no callback is accepted twice. Positions are
   said by numbers, without concatenation: the provers are better at that. *)
HistoryInv ==
    /\ \A t \in Threads, k \in Nat : k > submitted[t] => <<t, k>> \notin Range(accepted)
    /\ \A i, j \in 1..Len(accepted) : accepted[i] = accepted[j] => i = j
    /\ Range(ran) \subseteq Range(accepted)
    /\ cancelled \subseteq Range(accepted)
    /\ dropped \subseteq Range(accepted)
    /\ ~closed => dropped = {}
    /\ First \in Nat
    /\ \A i \in 1..Len(batch) : batch[i] = accepted[First + i]
    /\ \A i \in 1..Len(queue) : queue[i] = accepted[First + Len(batch) + i]
    /\ \A i \in 1..First : Settled(accepted[i])
    /\ \A i \in 1..Len(accepted) : i > First => accepted[i] \notin Range(ran)

(* What the provers have to know about sequences. *)
LEMMA SeqFacts ==
    \A s \in Seq(Callbacks) :
      /\ DOMAIN s = 1..Len(s)
      /\ Len(s) \in Nat
      /\ Range(s) \subseteq Callbacks
      /\ \A c : c \in Range(s) <=> \E i \in 1..Len(s) : s[i] = c
<1> SUFFICES ASSUME NEW s \in Seq(Callbacks)
             PROVE  /\ DOMAIN s = 1..Len(s)
                    /\ Len(s) \in Nat
                    /\ Range(s) \subseteq Callbacks
                    /\ \A c : c \in Range(s) <=> \E i \in 1..Len(s) : s[i] = c
  OBVIOUS
<1>1. DOMAIN s = 1..Len(s) /\ Len(s) \in Nat
  OBVIOUS
<1> QED BY <1>1 DEF Range

LEMMA AppendFacts ==
    \A s \in Seq(Callbacks), c \in Callbacks :
      /\ Append(s, c) \in Seq(Callbacks)
      /\ Len(Append(s, c)) = Len(s) + 1
      /\ Range(Append(s, c)) = Range(s) \union {c}
      /\ Append(s, c)[Len(s) + 1] = c
      /\ \A i \in 1..Len(s) : Append(s, c)[i] = s[i]
<1> SUFFICES ASSUME NEW s \in Seq(Callbacks), NEW c \in Callbacks
             PROVE  /\ Append(s, c) \in Seq(Callbacks)
                    /\ Len(Append(s, c)) = Len(s) + 1
                    /\ Range(Append(s, c)) = Range(s) \union {c}
                    /\ Append(s, c)[Len(s) + 1] = c
                    /\ \A i \in 1..Len(s) : Append(s, c)[i] = s[i]
  OBVIOUS
<1>1. Len(s) \in Nat /\ \A d : d \in Range(s) <=> \E i \in 1..Len(s) : s[i] = d
  BY SeqFacts
<1>3. /\ Append(s, c) \in Seq(Callbacks)
      /\ Len(Append(s, c)) = Len(s) + 1
      /\ Append(s, c)[Len(s) + 1] = c
      /\ \A i \in 1..Len(s) : Append(s, c)[i] = s[i]
  BY <1>1
<1>4. Range(Append(s, c)) = Range(s) \union {c}
  <2>1. \A d : d \in Range(Append(s, c)) <=> \E i \in 1..(Len(s) + 1) : Append(s, c)[i] = d
    BY <1>3, SeqFacts
  <2>2. \A i \in 1..(Len(s) + 1) : i \in 1..Len(s) \/ i = Len(s) + 1
    BY <1>1
  <2>3. ASSUME NEW d PROVE d \in Range(Append(s, c)) <=> d \in Range(s) \union {c}
    BY <2>1, <2>2, <1>3, <1>1
  <2> QED BY <2>3
<1> QED BY <1>3, <1>4

LEMMA TailFacts ==
    \A s \in Seq(Callbacks) : s # <<>> =>
      /\ Len(s) > 0
      /\ Head(s) = s[1]
      /\ Head(s) \in Callbacks
      /\ Tail(s) \in Seq(Callbacks)
      /\ Len(Tail(s)) = Len(s) - 1
      /\ \A i \in 1..(Len(s) - 1) : Tail(s)[i] = s[i + 1]
  OBVIOUS

LEMMA EmptyFacts == Len(<<>>) = 0 /\ Range(<<>>) = {}
  BY DEF Range

(* At first nothing has been accepted. *)
LEMMA InitHistory == Init => HistoryInv
  BY EmptyFacts DEF Init, HistoryInv, First

(* Enqueue puts the same callback last in the queue and last in what was
   accepted. Its number is new. *)
LEMMA HistoryEnqueue ==
    ASSUME TypeInv, HistoryInv, NEW t \in Threads, Enqueue(t)
    PROVE  HistoryInv'
<1>0. /\ queue \in Seq(Callbacks) /\ batch \in Seq(Callbacks)
      /\ accepted \in Seq(Callbacks) /\ ran \in Seq(Callbacks)
      /\ submitted \in [Threads -> Nat]
      /\ Len(queue) \in Nat /\ Len(batch) \in Nat /\ Len(accepted) \in Nat /\ Len(ran) \in Nat
  BY SeqFacts DEF TypeInv
<1> DEFINE c == Upcoming(t)
<1>1. c \in Callbacks /\ c = <<t, submitted[t] + 1>>
  BY UpcomingIsCallback DEF Enqueue, Upcoming
<1>2. c \notin Range(accepted)
  BY <1>0, <1>1 DEF HistoryInv
<1> HIDE DEF c
<1>3. /\ Len(accepted') = Len(accepted) + 1
      /\ Range(accepted') = Range(accepted) \union {c}
      /\ accepted'[Len(accepted) + 1] = c
      /\ \A i \in 1..Len(accepted) : accepted'[i] = accepted[i]
      /\ Len(queue') = Len(queue) + 1
      /\ queue'[Len(queue) + 1] = c
      /\ \A i \in 1..Len(queue) : queue'[i] = queue[i]
      /\ \A i \in 1..Len(accepted') : i \in 1..Len(accepted) \/ i = Len(accepted) + 1
      /\ \A i \in 1..Len(queue') : i \in 1..Len(queue) \/ i = Len(queue) + 1
  BY <1>0, <1>1, AppendFacts DEF Enqueue, c
<1>4. UNCHANGED <<batch, ran, cancelled, dropped, closed>> /\ ~closed
  BY DEF Enqueue
<1>5. First' = First /\ First \in Nat /\ First + Len(batch) + Len(queue) = Len(accepted)
  BY <1>0, <1>3, <1>4 DEF First, HistoryInv
<1>6. \A i \in 1..Len(accepted) : accepted[i] \in Range(accepted)
  BY <1>0, SeqFacts
<1>7. \A u \in Threads, k \in Nat : k > submitted'[u] => <<u, k>> \notin Range(accepted')
  <2> SUFFICES ASSUME NEW u \in Threads, NEW k \in Nat, k > submitted'[u], <<u, k>> \in Range(accepted')
               PROVE FALSE
    OBVIOUS
  <2>1. submitted' = [submitted EXCEPT ![t] = @ + 1] BY DEF Enqueue
  <2>2. k > submitted[u] BY <2>1, <1>0
  <2>3. <<u, k>> = c BY <2>2, <1>3 DEF HistoryInv
  <2>4. u = t /\ k = submitted[t] + 1 BY <2>3, <1>1
  <2> QED BY <2>4, <2>1, <1>0
<1>8. \A i, j \in 1..Len(accepted') : accepted'[i] = accepted'[j] => i = j
  BY <1>0, <1>2, <1>3, <1>6 DEF HistoryInv
<1>9. Range(ran') \subseteq Range(accepted') /\ cancelled' \subseteq Range(accepted') /\ dropped' \subseteq Range(accepted')
  BY <1>3, <1>4 DEF HistoryInv, Range
<1>10. \A i \in 1..Len(batch') : batch'[i] = accepted'[First' + i]
  BY <1>0, <1>3, <1>4, <1>5 DEF HistoryInv
<1>11. \A i \in 1..Len(queue') : queue'[i] = accepted'[First' + Len(batch') + i]
  BY <1>0, <1>3, <1>4, <1>5 DEF HistoryInv
<1>12. \A i \in 1..First' : Settled(accepted[i])'
  BY <1>0, <1>3, <1>4, <1>5 DEF HistoryInv, Settled, Range
<1>13. \A i \in 1..Len(accepted') : i > First' => accepted'[i] \notin Range(ran')
  BY <1>0, <1>2, <1>3, <1>4, <1>5 DEF HistoryInv, Range
<1> QED BY <1>4, <1>5, <1>7, <1>8, <1>9, <1>10, <1>11, <1>12, <1>13 DEF HistoryInv

(* Run takes the first of the batch. It has run then, or was cancelled
   before: it is settled either way. *)
LEMMA HistoryRun ==
    ASSUME TypeInv, HistoryInv, Run
    PROVE  HistoryInv'
<1>0. /\ queue \in Seq(Callbacks) /\ batch \in Seq(Callbacks)
      /\ accepted \in Seq(Callbacks) /\ ran \in Seq(Callbacks)
      /\ Len(queue) \in Nat /\ Len(batch) \in Nat /\ Len(accepted) \in Nat /\ Len(ran) \in Nat
  BY SeqFacts DEF TypeInv
<1>1. /\ Len(batch) > 0 /\ Len(batch') = Len(batch) - 1 /\ Head(batch) = batch[1]
      /\ Head(batch) \in Callbacks
      /\ \A i \in 1..Len(batch') : batch'[i] = batch[i + 1]
  BY <1>0, TailFacts DEF Run
<1>2. UNCHANGED <<queue, accepted, cancelled, dropped, closed, submitted>>
  BY DEF Run, shared
<1>3. First' = First + 1 /\ First \in Nat /\ First + Len(batch) + Len(queue) = Len(accepted)
  BY <1>0, <1>1, <1>2 DEF First, HistoryInv
<1>4. First + 1 \in 1..Len(accepted) /\ Head(batch) = accepted[First + 1]
  BY <1>0, <1>1, <1>3 DEF HistoryInv
<1>5. accepted[First + 1] \in Range(accepted)
  BY <1>0, <1>4, SeqFacts
<1>6. \/ Head(batch) \in cancelled /\ Range(ran') = Range(ran)
      \/ Range(ran') = Range(ran) \union {Head(batch)}
  BY <1>0, <1>1, AppendFacts DEF Run
<1>7. Range(ran') \subseteq Range(accepted')
  BY <1>2, <1>4, <1>5, <1>6 DEF HistoryInv
<1>8. \A i \in 1..Len(batch') : batch'[i] = accepted'[First' + i]
  BY <1>0, <1>1, <1>2, <1>3 DEF HistoryInv
<1>9. \A i \in 1..Len(queue') : queue'[i] = accepted'[First' + Len(batch') + i]
  BY <1>0, <1>1, <1>2, <1>3 DEF HistoryInv
<1>10. \A i \in 1..First' : Settled(accepted[i])'
  <2>1. \A i \in 1..First' : i \in 1..First \/ i = First + 1 BY <1>3
  <2> QED BY <2>1, <1>2, <1>4, <1>6 DEF HistoryInv, Settled
<1>11. \A i \in 1..Len(accepted') : i > First' => accepted'[i] \notin Range(ran')
  <2> SUFFICES ASSUME NEW i \in 1..Len(accepted), i > First + 1
               PROVE  accepted[i] \notin Range(ran')
    BY <1>2, <1>3
  <2>1. accepted[i] # accepted[First + 1] BY <1>3, <1>4 DEF HistoryInv
  <2>2. accepted[i] \notin Range(ran) BY <1>3 DEF HistoryInv
  <2> QED BY <2>1, <2>2, <1>4, <1>6
<1> QED BY <1>2, <1>3, <1>7, <1>8, <1>9, <1>10, <1>11 DEF HistoryInv

(* Take moves the queue to the batch, which is empty then. *)
LEMMA HistoryTake ==
    ASSUME TypeInv, PhaseInv, HistoryInv, Take
    PROVE  HistoryInv'
<1>0. /\ queue \in Seq(Callbacks) /\ accepted \in Seq(Callbacks)
      /\ Len(queue) \in Nat /\ Len(accepted) \in Nat
      /\ batch = <<>> /\ Len(batch) = 0
  BY SeqFacts, EmptyFacts DEF TypeInv, PhaseInv, Take
<1>1. UNCHANGED <<accepted, ran, cancelled, dropped, closed, submitted>> /\ batch' = queue /\ queue' = <<>> /\ Len(queue') = 0
  BY EmptyFacts DEF Take
<1>2. First' = First
  BY <1>0, <1>1 DEF First
<1> QED BY <1>0, <1>1, <1>2 DEF HistoryInv, Settled

(* Close drops what is queued. The batch is empty then, so everything is
   settled. *)
LEMMA HistoryClose ==
    ASSUME TypeInv, PhaseInv, HistoryInv, Close
    PROVE  HistoryInv'
<1>0. /\ queue \in Seq(Callbacks) /\ accepted \in Seq(Callbacks)
      /\ Len(queue) \in Nat /\ Len(accepted) \in Nat
      /\ batch = <<>> /\ Len(batch) = 0 /\ ~closed
  BY SeqFacts, EmptyFacts DEF TypeInv, PhaseInv, Close
<1>1. /\ UNCHANGED <<accepted, ran, cancelled, submitted, batch>>
      /\ queue' = <<>> /\ Len(queue') = 0 /\ closed' = TRUE
      /\ dropped' = Range(queue) \ cancelled
  BY EmptyFacts DEF Close
<1>2. First' = Len(accepted) /\ First = Len(accepted) - Len(queue) /\ First \in Nat /\ dropped = {}
  BY <1>0, <1>1 DEF First, HistoryInv
<1>3. \A i \in 1..Len(accepted) : i > First => accepted[i] \in Range(queue)
  <2> SUFFICES ASSUME NEW i \in 1..Len(accepted), i > First PROVE accepted[i] \in Range(queue)
    OBVIOUS
  <2>1. i - First \in 1..Len(queue) /\ First + Len(batch) + (i - First) = i BY <1>0, <1>2
  <2>2. queue[i - First] = accepted[i] BY <2>1 DEF HistoryInv
  <2> QED BY <2>1, <2>2, <1>0, SeqFacts
<1>4. \A i \in 1..Len(accepted) : Settled(accepted[i])'
  <2> SUFFICES ASSUME NEW i \in 1..Len(accepted) PROVE Settled(accepted[i])'
    OBVIOUS
  <2>1. CASE i > First BY <2>1, <1>1, <1>3 DEF Settled
  <2>2. CASE ~(i > First)
    <3>1. i \in 1..First BY <2>2, <1>2, <1>0
    <3> QED BY <3>1, <1>1, <1>2 DEF HistoryInv, Settled
  <2> QED BY <2>1, <2>2
<1>5. dropped' \subseteq Range(accepted')
  <2>1. \A i \in 1..Len(queue) : queue[i] = accepted[First + i] /\ First + i \in 1..Len(accepted)
    BY <1>0, <1>2 DEF HistoryInv
  <2> QED BY <2>1, <1>0, <1>1, SeqFacts
<1> QED BY <1>0, <1>1, <1>2, <1>4, <1>5 DEF HistoryInv

(* No other action changes any of this, but for Cancel and Refuse, which
   settle one callback. *)
LEMMA NextHistory == TypeInv /\ PhaseInv /\ HistoryInv /\ [Next]_vars => HistoryInv'
<1> SUFFICES ASSUME TypeInv, PhaseInv, HistoryInv, [Next]_vars PROVE HistoryInv'
  OBVIOUS
<1> USE DEF shared, history
<1>3. ASSUME NEW t \in Threads, Refuse(t) PROVE HistoryInv'
  <2>1. /\ UNCHANGED <<queue, batch, accepted, ran, cancelled, dropped, closed>>
        /\ submitted' = [submitted EXCEPT ![t] = @ + 1] /\ submitted \in [Threads -> Nat]
    BY <1>3 DEF Refuse, TypeInv
  <2>2. \A u \in Threads, k \in Nat : k > submitted'[u] => k > submitted[u]
    BY <2>1
  <2> QED BY <2>1, <2>2 DEF HistoryInv, First, Settled
<1>15. ASSUME NEW c \in Callbacks, Cancel(c) PROVE HistoryInv'
  BY <1>15 DEF Cancel, HistoryInv, First, Settled
<1>16. CASE UNCHANGED <<queue, batch, accepted, ran, cancelled, dropped, closed, submitted>>
  BY <1>16 DEF HistoryInv, First, Settled
<1>17. ASSUME NEW t \in Threads, Lock(t) \/ Notify(t) \/ Stop(t) \/ Unlock(t)
       PROVE  UNCHANGED <<queue, batch, accepted, ran, cancelled, dropped, closed, submitted>>
  BY <1>17 DEF Lock, Notify, Stop, Unlock
<1>18. ASSUME Sleep \/ SpuriousWakeup \/ Timeout \/ Wake \/ Stopped \/ Terminating \/ UNCHANGED vars
       PROVE  UNCHANGED <<queue, batch, accepted, ran, cancelled, dropped, closed, submitted>>
  BY <1>18 DEF Sleep, SpuriousWakeup, Timeout, Wake, Stopped, Terminating, vars
<1> QED
  BY <1>3, <1>15, <1>16, <1>17, <1>18, HistoryEnqueue, HistoryRun, HistoryTake, HistoryClose DEF Next
=============================================================================
