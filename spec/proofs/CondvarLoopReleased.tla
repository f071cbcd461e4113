-------------------------- MODULE CondvarLoopReleased ------------------------
(***************************************************************************)
(* Nobody keeps the mutex for ever: a thread that holds it lets it go      *)
(* after three steps at most, and fairness has it take them. That holds    *)
(* for any number of threads, infinitely many too, where the loop's own    *)
(* thread does not ask the loop to stop.                                   *)
(***************************************************************************)
EXTENDS TLAPS, CondvarLoopEnabled

(* How many steps away from letting the mutex go a thread is at most. *)
Togo(t) ==
    CASE pc[t] \in {"submit", "stop", "take", "honour", "close"} -> 3
      [] pc[t] = "notify" -> 2
      [] OTHER -> 1

LEMMA TogoIs == \A t : Togo(t) \in 1..3
  BY DEF Togo

(* The step of a thread that holds the mutex. *)
LEMMA HolderMoves ==
    ASSUME LiveInv, NEW t \in Others, holder = t, HolderStep(t)
    PROVE  holder' = Nobody \/ (holder' = t /\ Togo(t)' < Togo(t))
<1>0. pc \in [Threads -> AllLabels] /\ t \in Threads /\ t # Loop /\ waitSet \subseteq {Loop}
  BY ThreadFacts DEF LiveInv, AllInv, TypeInv
<1>1. CASE Unlock(t) BY <1>1 DEF Unlock
<1>2. CASE Enqueue(t) \/ Stop(t)
  <2>1. pc[t] \in {"submit", "stop"} /\ pc'[t] \in {"notify", "unlock"} /\ holder' = holder
    BY <1>0, <1>2 DEF Enqueue, Stop, Goto
  <2> QED BY <2>1 DEF Togo
<1>3. CASE Refuse(t)
  <2>1. pc[t] = "submit" /\ pc'[t] = "unlock" /\ holder' = holder
    BY <1>0, <1>3 DEF Refuse, Goto
  <2> QED BY <2>1 DEF Togo
<1>4. CASE Notify(t)
  <2>1. pc[t] = "notify" /\ pc'[t] = "unlock" /\ holder' = holder
    BY <1>0, <1>4 DEF Notify, Goto
  <2> QED BY <2>1 DEF Togo
<1> QED BY <1>1, <1>2, <1>3, <1>4 DEF HolderStep

LEMMA LoopMovesInside ==
    ASSUME LiveInv, holder = Loop, LoopStep
    PROVE  holder' = Nobody \/ (holder' = Loop /\ Togo(Loop)' < Togo(Loop))
<1>0. /\ pc \in [Threads -> AllLabels] /\ Loop \in Threads /\ Loop # Nobody
      /\ pc[Loop] \in Critical
  BY ThreadFacts, Constants DEF LiveInv, AllInv, TypeInv, MutualExclusion
<1>1. CASE Lock(Loop) BY <1>0, <1>1 DEF Lock
<1>2. CASE Unlock(Loop) \/ Sleep BY <1>2 DEF Unlock, Sleep
<1>3. CASE Wake BY <1>0, <1>3 DEF Wake
<1>4. CASE Run BY <1>0, <1>4 DEF Run, Iterating, Critical
<1>5. CASE Enqueue(Loop)
  <2>1. pc[Loop] = "submit" /\ pc'[Loop] \in {"notify", "unlock"} /\ holder' = holder
    BY <1>0, <1>5 DEF Enqueue, Goto
  <2> QED BY <2>1 DEF Togo
<1>6. CASE Take \/ Stopped \/ Close
  <2>1. /\ pc[Loop] \in {"take", "honour", "close"} /\ pc'[Loop] \in {"begin", "return", "end"}
        /\ holder' = holder
    BY <1>0, <1>6 DEF Take, Stopped, Close, Goto
  <2> QED BY <2>1 DEF Togo
<1> QED BY <1>1, <1>2, <1>3, <1>4, <1>5, <1>6 DEF LoopStep

(* Nobody else can do anything that needs the mutex meanwhile. *)
LEMMA OthersKeepOut ==
    ASSUME LiveInv, NEW t \in Threads, holder = t, [Next]_vars
    PROVE  \/ holder' = t /\ Togo(t)' = Togo(t)
           \/ t \in Others /\ HolderStep(t)
           \/ t = Loop /\ LoopStep
<1>0. /\ pc \in [Threads -> AllLabels]
      /\ holder # Nobody
      /\ \A u \in Threads : pc[u] \in Critical => u = t
      /\ waitSet = IF pc[Loop] = "waiting" THEN {Loop} ELSE {}
      /\ pc[t] \in Critical
      /\ pc[Loop] \notin {"stop", "notify"}
      /\ pc[Loop] = "submit" => ~closed
  BY ThreadFacts DEF LiveInv, AllInv, TypeInv, MutualExclusion, LoopInv, PhaseInv
<1> USE <1>0, ThreadFacts
<1>1. ASSUME NEW u \in Threads, Lock(u) PROVE FALSE
  BY <1>1 DEF Lock
<1>2. ASSUME NEW u \in Threads, Enqueue(u) \/ Refuse(u) \/ Notify(u) \/ Stop(u) \/ Unlock(u)
      PROVE  (t \in Others /\ HolderStep(t)) \/ (t = Loop /\ LoopStep)
  <2>1. pc[u] \in Critical
    BY <1>2 DEF Enqueue, Refuse, Notify, Stop, Unlock, Critical
  <2>2. u = t BY <2>1
  <2>3. CASE t \in Others BY <1>2, <2>2, <2>3 DEF HolderStep
  <2>4. CASE t = Loop BY <1>2, <2>2, <2>4 DEF LoopStep, Refuse, Notify, Stop
  <2> QED BY <2>3, <2>4
<1>3. ASSUME Sleep \/ Take \/ Stopped \/ Close
      PROVE  t = Loop /\ LoopStep
  <2>1. pc[Loop] \in Critical
    BY <1>3 DEF Sleep, Take, Stopped, Close, Critical
  <2> QED BY <2>1, <1>3 DEF LoopStep
<1>4. ASSUME Wake PROVE FALSE BY <1>4 DEF Wake
<1>5. ASSUME SpuriousWakeup \/ Timeout \/ Run
      PROVE  holder' = t /\ Togo(t)' = Togo(t)
  <2>1. pc[Loop] \notin Critical /\ holder' = holder
        /\ \E label \in AllLabels : pc' = [pc EXCEPT ![Loop] = label]
    BY <1>5 DEF SpuriousWakeup, Timeout, Run, Iterating, Critical, Goto, AllLabels, LoopLabels, shared
  <2>2. pc'[t] = pc[t] BY <2>1
  <2> QED BY <2>1, <2>2 DEF Togo
<1>6. ASSUME (\E c \in Callbacks : Cancel(c)) \/ Terminating \/ UNCHANGED vars
      PROVE  holder' = t /\ Togo(t)' = Togo(t)
  BY <1>6 DEF Cancel, Terminating, vars, Togo
<1> QED BY <1>1, <1>2, <1>3, <1>4, <1>5, <1>6 DEF Next

-----------------------------------------------------------------------------
(* From n steps away to m, or to where nobody holds the mutex. *)
Nearer(t, n, m) ==
    (holder = t /\ Togo(t) <= n) ~> (holder = Nobody \/ (holder = t /\ Togo(t) <= m))

HolderIsFair(t) == WF_vars(HolderStep(t))

LEMMA AllAreFair == Spec => \A t \in Others : HolderIsFair(t)
<1>1. (\A t \in Others : WF_vars(HolderStep(t))) => (\A t \in Others : HolderIsFair(t))
  BY PTL DEF HolderIsFair
<1>2. Spec => (\A t \in Others : WF_vars(HolderStep(t)))
  BY PTL DEF Spec, Fairness
<1> QED BY <1>1, <1>2, PTL

(* A step nearer, for a thread other than the loop. *)
LEMMA HolderGoesOn ==
    ASSUME Wakes, ~LocalStops, NEW t \in Others, NEW n \in 1..3, NEW m \in 0..2, m = n - 1
    PROVE  Spec => Nearer(t, n, m)
<1> DEFINE A == holder = t /\ Togo(t) <= n
           B == holder = Nobody \/ (holder = t /\ Togo(t) <= m)
<1>0. t \in Threads /\ t # Loop BY ThreadFacts
<1>n. \A u : Togo(u) \in 1..3 /\ (Togo(u) \in 1..3)' BY DEF Togo
<1>1. LiveInv /\ A /\ [Next]_vars => A' \/ B'
  BY <1>0, <1>n, OthersKeepOut, HolderMoves
<1>2. LiveInv /\ A /\ <<HolderStep(t)>>_vars => B'
  BY <1>0, <1>n, HolderMoves
<1>3. LiveInv /\ A => ENABLED <<HolderStep(t)>>_vars
  BY HolderCanGoOn
<1>4. Spec => WF_vars(HolderStep(t))
  <2>1. Spec => HolderIsFair(t) BY AllAreFair
  <2> QED BY <2>1, PTL DEF HolderIsFair
<1>5. Spec => []LiveInv BY LiveInvHolds
<1>6. Spec => [][Next]_vars BY PTL DEF Spec
<1> HIDE DEF A, B
<1>7. Spec => (A ~> B) BY <1>1, <1>2, <1>3, <1>4, <1>5, <1>6, PTL
<1> QED BY <1>7 DEF A, B, Nearer

(* And for the loop. *)
LEMMA LoopGoesOn ==
    ASSUME Wakes, ~LocalStops, NEW n \in 1..3, NEW m \in 0..2, m = n - 1
    PROVE  Spec => Nearer(Loop, n, m)
<1> DEFINE A == holder = Loop /\ Togo(Loop) <= n
           B == holder = Nobody \/ (holder = Loop /\ Togo(Loop) <= m)
<1>0. Loop \in Threads /\ Loop \notin Others BY ThreadFacts
<1>n. \A u : Togo(u) \in 1..3 /\ (Togo(u) \in 1..3)' BY DEF Togo
<1>1. LiveInv /\ A /\ [Next]_vars => A' \/ B'
  BY <1>0, <1>n, OthersKeepOut, LoopMovesInside
<1>2. LiveInv /\ A /\ <<LoopStep>>_vars => B'
  BY <1>0, <1>n, LoopMovesInside
<1>3. LiveInv /\ A => ENABLED <<LoopStep>>_vars
  <2>1. LiveInv /\ A => pc[Loop] \in Critical
    BY <1>0 DEF LiveInv, MutualExclusion
  <2> QED BY <1>0, <2>1, LoopCanGoOn DEF Critical
<1>4. Spec => WF_vars(LoopStep)
  BY PTL DEF Spec, Fairness
<1>5. Spec => []LiveInv BY LiveInvHolds
<1>6. Spec => [][Next]_vars BY PTL DEF Spec
<1> HIDE DEF A, B
<1>7. Spec => (A ~> B) BY <1>1, <1>2, <1>3, <1>4, <1>5, <1>6, PTL
<1> QED BY <1>7 DEF A, B, Nearer

(* Three such steps are enough. *)
LEMMA OtherReleases ==
    ASSUME Wakes, ~LocalStops, NEW t \in Others
    PROVE  Spec => (holder = t ~> holder = Nobody)
<1>1. holder = t => holder = t /\ Togo(t) <= 3 BY TogoIs
<1>2. Spec => Nearer(t, 3, 2)
  BY HolderGoesOn, 3 \in 1..3, 2 \in 0..2, 2 = 3 - 1
<1>3. Spec => Nearer(t, 2, 1)
  BY HolderGoesOn, 2 \in 1..3, 1 \in 0..2, 1 = 2 - 1
<1>4. Spec => Nearer(t, 1, 0)
  BY HolderGoesOn, 1 \in 1..3, 0 \in 0..2, 0 = 1 - 1
<1>5. ~(holder = t /\ Togo(t) <= 0) BY TogoIs
<1> QED BY <1>1, <1>2, <1>3, <1>4, <1>5, PTL DEF Nearer

LEMMA LoopReleases ==
    ASSUME Wakes, ~LocalStops
    PROVE  Spec => (holder = Loop ~> holder = Nobody)
<1>1. holder = Loop => holder = Loop /\ Togo(Loop) <= 3 BY TogoIs
<1>2. Spec => Nearer(Loop, 3, 2)
  BY LoopGoesOn, 3 \in 1..3, 2 \in 0..2, 2 = 3 - 1
<1>3. Spec => Nearer(Loop, 2, 1)
  BY LoopGoesOn, 2 \in 1..3, 1 \in 0..2, 1 = 2 - 1
<1>4. Spec => Nearer(Loop, 1, 0)
  BY LoopGoesOn, 1 \in 1..3, 0 \in 0..2, 0 = 1 - 1
<1>5. ~(holder = Loop /\ Togo(Loop) <= 0) BY TogoIs
<1> QED BY <1>1, <1>2, <1>3, <1>4, <1>5, PTL DEF Nearer

(* What each thread does, all do: nobody else holds the mutex. *)
THEOREM Released == ASSUME Wakes, ~LocalStops PROVE Spec => MutexIsReleased
<1>1. Spec => \A t \in Others : [](holder = t => <>(holder = Nobody))
  <2> SUFFICES ASSUME NEW t \in Others PROVE Spec => [](holder = t => <>(holder = Nobody))
    OBVIOUS
  <2>1. Spec => (holder = t ~> holder = Nobody) BY OtherReleases
  <2> QED BY <2>1, PTL
<1>2. (\A t \in Others : [](holder = t => <>(holder = Nobody)))
          => [](\A t \in Others : (holder = t => <>(holder = Nobody)))
  OBVIOUS
<1>3. (\A t \in Others : (holder = t => <>(holder = Nobody)))
          => ((\E t \in Others : holder = t) => <>(holder = Nobody))
  OBVIOUS
<1>4. Spec => (holder = Loop ~> holder = Nobody) BY LoopReleases
<1>5. LiveInv => holder = Nobody \/ holder = Loop \/ \E t \in Others : holder = t
  BY ThreadFacts DEF LiveInv, AllInv, TypeInv
<1>6. Spec => []LiveInv BY LiveInvHolds
<1> QED BY <1>1, <1>2, <1>3, <1>4, <1>5, <1>6, PTL DEF MutexIsReleased
=============================================================================
