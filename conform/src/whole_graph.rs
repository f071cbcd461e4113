//! A specification whose whole graph is evaluated in advance, and executions followed through it.
//!
//! The [follower](crate::follower) evaluates `CondvarLoop` as it goes, for executions of any length. The
//! specifications here are small enough to be known before the first execution.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::{Display, Write};
use std::hash::Hash;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tla_checker::ast::{Expr, State, Value};
use tla_checker::checker::format_value;
use wakeproof_explore::journal::Journal;
use wakeproof_explore::{Environment, Limits, NotProved, Search, Stop, Verdict, judged};

use crate::comparison::{Compared, Covered, Explorer, Refused, SEED, lock};
use crate::module::Module;

/// The whole graph of a specification, whose observed steps are `L`s.
pub(crate) struct WholeGraph<L> {
    initial: BTreeSet<usize>,
    nodes: Vec<Node<L>>,
}

struct Node<L> {
    /// The step, if it is observed, and the node that it leads to.
    successors: Vec<(Option<L>, usize)>,
    /// Whether nobody has anything left to do, or can do it.
    at_rest: bool,
    /// The order in which the callbacks have run, if the specification has that.
    ran: Option<Value>,
    words: String,
}

/// An execution of the code.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Steps<L> {
    /// Its observed steps, in order.
    pub(crate) steps: Vec<L>,
    /// The order in which the callbacks have run, if that is compared.
    pub(crate) ran: Option<Value>,
}

/// The variable that says in which order the callbacks have run.
const RAN: &str = "ran";

impl<L: Copy + Ord + Display> WholeGraph<L> {
    /// Evaluates the graph. `label` says how a step by an action is observed, if it is, from the states before
    /// and after it. `at_rest` is the action that nobody but a finished execution takes.
    pub(crate) fn load<A>(
        module: &Module,
        actions: &[(A, Expr)],
        at_rest: &str,
        label: impl Fn(&A, &State, &State) -> Option<L>,
    ) -> anyhow::Result<Self> {
        let mut ids: HashMap<Vec<Value>, usize> = HashMap::new();
        let mut states: Vec<State> = Vec::new();
        let mut id = |state: State, states: &mut Vec<State>| {
            *ids.entry(state.values.to_vec()).or_insert_with(|| {
                states.push(state);
                states.len() - 1
            })
        };
        let initial = module.initial.iter();
        let initial = initial
            .map(|state| id(state.clone(), &mut states))
            .collect();
        let ran = module.vars.iter().position(|var| &**var == RAN);
        let mut nodes = Vec::new();
        while let Some(state) = states.get(nodes.len()).cloned() {
            let mut successors = Vec::new();
            for (action, expression) in actions {
                for next in module.next(&state, expression)? {
                    let seen = label(action, &state, &next);
                    successors.push((seen, id(next, &mut states)));
                }
            }
            let values = module.vars.iter().zip(state.values.iter());
            let words = values.map(|(var, value)| format!("{var} = {}", format_value(value)));
            let rests = module.next(&state, &Expr::Var(at_rest.into()))?;
            nodes.push(Node {
                at_rest: successors.is_empty() || !rests.is_empty(),
                successors,
                ran: ran.map(|column| state.values[column].clone()),
                words: words.collect::<Vec<_>>().join(", "),
            });
        }
        Ok(WholeGraph { initial, nodes })
    }

    /// These states, and those that unobserved steps lead to.
    fn closure(&self, mut states: BTreeSet<usize>) -> BTreeSet<usize> {
        let mut new: Vec<usize> = states.iter().copied().collect();
        while let Some(state) = new.pop() {
            for &(seen, next) in &self.nodes[state].successors {
                if seen.is_none() && states.insert(next) {
                    new.push(next);
                }
            }
        }
        states
    }

    /// Follows an execution to its end. Returns the sets of states that it could have been in.
    fn follow(&self, execution: &Steps<L>) -> Result<Vec<BTreeSet<usize>>, Refused> {
        let steps = &execution.steps;
        let mut path = vec![self.closure(self.initial.clone())];
        for (number, &step) in steps.iter().enumerate() {
            let states = &path[number];
            let next = states.iter().flat_map(|&state| {
                let fitting = self.nodes[state].successors.iter();
                fitting.filter_map(move |&(seen, next)| (seen == Some(step)).then_some(next))
            });
            let next: BTreeSet<usize> = next.collect();
            if next.is_empty() {
                return Err(self.refuse(&steps[..number], step.to_string(), states));
            }
            path.push(self.closure(next));
        }
        let end = path.last().expect("it begins somewhere");
        let fits = |state: usize| {
            let Node { at_rest, ran, .. } = &self.nodes[state];
            *at_rest && (execution.ran.is_none() || *ran == execution.ran)
        };
        if !end.iter().any(|&state| fits(state)) {
            return Err(self.refuse(steps, "the end".into(), end));
        }
        Ok(path)
    }

    fn refuse(&self, before: &[L], what: String, states: &BTreeSet<usize>) -> Refused {
        let mut report = String::from("the execution so far:\n");
        for (number, step) in (1..).zip(before) {
            let _ = writeln!(report, "  {number:2}. {step}");
        }
        let _ = writeln!(report, "what it did then: {what}");
        report.push_str("where it could have been:");
        for &state in states {
            let _ = write!(report, "\n  {}", self.nodes[state].words);
        }
        Refused {
            after_steps: before.len(),
            what,
            report,
        }
    }

    /// What of the graph these transitions are, which executions have shown.
    fn covered(&self, shown: &BTreeSet<(usize, L, usize)>) -> Covered {
        let reached = shown.iter().map(|&(_, _, to)| to);
        let states: BTreeSet<usize> = self.initial.iter().copied().chain(reached).collect();
        let mut missing = Vec::new();
        let mut of_transitions = 0;
        for (from, node) in self.nodes.iter().enumerate() {
            for &(seen, to) in &node.successors {
                of_transitions += 1;
                if let Some(step) = seen
                    && !shown.contains(&(from, step, to))
                {
                    missing.push(format!("{step} in {}", node.words));
                }
            }
        }
        Covered {
            states: states.len(),
            of_states: self.nodes.len(),
            transitions: shown.len(),
            of_transitions,
            missing,
        }
    }
}

/// Follows executions of each of these programs under shuttle: every one, or random ones. `execution` says
/// what an execution did.
///
/// # Errors
///
/// If an execution fails that the specification accepts.
pub(crate) fn follow<L>(
    graph: WholeGraph<L>,
    programs: Vec<Box<dyn Fn() + Send + Sync>>,
    explorer: Explorer,
    limits: &Limits,
    execution: impl Fn(&Journal) -> Steps<L> + Copy + Send + Sync + 'static,
) -> anyhow::Result<Compared>
where
    L: Copy + Ord + Hash + Display + Send + Sync + 'static,
{
    struct Count<L> {
        executions: u64,
        steps: u64,
        refused: Option<Refused>,
        seconds_following: f64,
        /// The executions that were accepted. Many schedules lead to the same one.
        accepted: HashSet<Steps<L>>,
        shown: BTreeSet<(usize, L, usize)>,
    }
    let started = Instant::now();
    let (search, most) = match explorer {
        Explorer::ShuttleRandom(schedules) => (Search::Random { seed: SEED }, Some(schedules)),
        Explorer::ShuttleDepthFirst | Explorer::Loom => (Search::Exhaustive, None),
    };
    let is_exhaustive = most.is_none();
    let limits = Limits {
        executions: most.or(limits.executions),
        ..limits.clone()
    };
    let graph = Arc::new(graph);
    let count = Arc::new(Mutex::new(Count {
        executions: 0,
        steps: 0,
        refused: None,
        seconds_following: 0.0,
        accepted: HashSet::new(),
        shown: BTreeSet::new(),
    }));
    let mut cut_short = None;
    for program in programs {
        let (counted, graph) = (count.clone(), graph.clone());
        let judge = move |journal: &Journal, _| {
            let started = Instant::now();
            let execution = execution(journal);
            let mut count = lock(&counted);
            count.executions += 1;
            count.steps += execution.steps.len() as u64;
            let followed = if count.accepted.contains(&execution) {
                Ok(())
            } else {
                graph.follow(&execution).map(|path| {
                    for (places, &step) in path.windows(2).zip(&execution.steps) {
                        // Where an unobserved step may have come between, this is no transition of the graph, and
                        // counts for nothing.
                        for &from in &places[0] {
                            for &to in &places[1] {
                                count.shown.insert((from, step, to));
                            }
                        }
                    }
                    count.accepted.insert(execution);
                })
            };
            count.seconds_following += started.elapsed().as_secs_f64();
            followed.map_err(|refused| {
                let report = refused.report.clone();
                count.refused.get_or_insert(refused);
                report
            })
        };
        let explored = judged(
            Environment::QUIET,
            search,
            &limits,
            program,
            Box::new(judge),
        );
        match explored.verdict {
            Verdict::Proved(_) => {}
            Verdict::NotProved(NotProved {
                stopped_by: Stop::Samples(_),
                ..
            }) if !is_exhaustive => {}
            Verdict::NotProved(not_proved) => {
                cut_short = Some(not_proved.stopped_by.to_string());
            }
            Verdict::Found(found) => {
                anyhow::ensure!(lock(&count).refused.is_some(), found.message);
                break;
            }
            Verdict::CannotJudge(cannot) => anyhow::bail!(cannot.why),
        }
    }
    let mut count = lock(&count);
    let refused = count.refused.take();
    Ok(Compared {
        executions: count.executions,
        steps: count.steps,
        refused,
        cut_short,
        covered: is_exhaustive.then(|| graph.covered(&count.shown)),
        seconds: started.elapsed().as_secs_f64(),
        seconds_following: count.seconds_following,
    })
}
