//! Peers that do the same work, measured in turn.
//!
//! The machine is shared and noisy, and how fast it is changes from second to second. So the loop is
//! measured again with each peer, and in turn: loop, peer, peer, loop. This way neither always finds the
//! memory as the other has left it. What counts is the ratio of these neighbours: the median of such ratios
//! over all rounds.

use std::time::Duration;

use wakeproof_benches::Spread;

/// Does its work once, and says how long that took and how many operations it was.
pub type Work = Box<dyn Fn() -> Measured>;

/// How long some operations took.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    pub time: Duration,
    pub operations: usize,
}

impl Measured {
    /// Nanoseconds for each operation.
    pub fn each(self) -> f64 {
        self.time.as_secs_f64() * 1e9 / self.operations as f64
    }
}

/// One kind of work, and who does it.
pub struct Contest {
    pub work: String,
    /// How the loop does it.
    pub ours: Work,
    pub peers: Vec<Peer>,
    /// It takes seconds to do this work once.
    is_long: bool,
}

/// Somebody else who does the same work.
pub struct Peer {
    pub name: &'static str,
    pub does: Work,
    /// The greatest ratio of our time to the peer's that was aimed at.
    pub target: Option<f64>,
}

impl Contest {
    pub fn new(work: impl Into<String>, ours: impl Fn() -> Measured + 'static) -> Self {
        Contest {
            work: work.into(),
            ours: Box::new(ours),
            peers: Vec::new(),
            is_long: false,
        }
    }

    /// The work takes long, so that fewer rounds have to do.
    #[must_use]
    pub fn long(mut self) -> Self {
        self.is_long = true;
        self
    }

    #[must_use]
    pub fn against(
        mut self,
        name: &'static str,
        target: impl Into<Option<f64>>,
        does: impl Fn() -> Measured + 'static,
    ) -> Self {
        self.peers.push(Peer {
            name,
            does: Box::new(does),
            target: target.into(),
        });
        self
    }

    /// Measures the loop and each peer in turn, `rounds` times.
    pub fn run(&self, rounds: usize) -> Vec<Row> {
        let rounds = if self.is_long { rounds.min(3) } else { rounds };
        let mut pairs: Vec<Vec<(f64, f64)>> = vec![Vec::new(); self.peers.len()];
        (self.ours)(); // the memory allocator and the processor's caches are warm from now on
        for _ in 0..rounds {
            for (peer, pairs) in self.peers.iter().zip(&mut pairs) {
                let before = (self.ours)().each();
                let theirs = (peer.does)().each() + (peer.does)().each();
                let after = (self.ours)().each();
                pairs.push(((before + after) / 2.0, theirs / 2.0));
            }
        }
        let rows = self.peers.iter().zip(&pairs).map(|(peer, pairs)| Row {
            work: self.work.clone(),
            peer: peer.name,
            target: peer.target,
            ours: Spread::of(pairs.iter().map(|(ours, _)| *ours)),
            theirs: Spread::of(pairs.iter().map(|(_, theirs)| *theirs)),
            ratio: Spread::of(pairs.iter().map(|(ours, theirs)| ours / theirs)),
        });
        rows.collect()
    }
}

/// The result of a contest with one peer.
#[derive(Debug, Clone)]
pub struct Row {
    pub work: String,
    pub peer: &'static str,
    pub target: Option<f64>,
    /// Nanoseconds an operation.
    pub ours: Spread,
    /// Nanoseconds an operation.
    pub theirs: Spread,
    /// Our time divided by the peer's in the same round: below 1, we are faster.
    pub ratio: Spread,
}

impl Row {
    /// Whether the target was met, if there is one.
    pub fn is_met(&self) -> Option<bool> {
        self.target.map(|target| self.ratio.median <= target)
    }
}
