//! The loops that there are adapters for.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::AtomicBool;

use crate::group;

/// A loop, and how to drive it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Loop {
    /// The name on the command line.
    pub(crate) name: &'static str,
    /// How its adapter is made.
    adapter: Adapter,
    /// What to install if that fails.
    pub(crate) install: &'static str,
}

#[derive(Debug, Clone, Copy)]
enum Adapter {
    /// A script in `python/`, with its arguments.
    Python(&'static [&'static str]),
    /// A file in `node/`.
    Node(&'static str),
    /// A class in `java/`.
    Java(&'static str),
    /// A file in `c/`, what the compiler has to be told, and the libraries as pkg-config knows them.
    C(&'static str, &'static str, &'static str),
    /// A binary of the package in `rust/`.
    Rust(&'static str),
}

/// The module of the specification that has a loop's design.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Design {
    /// Its name.
    pub(crate) module: Cow<'static, str>,
    /// Whether one wakeup may do for several callbacks, where the module leaves that open.
    pub(crate) coalesces: Option<bool>,
}

impl Design {
    /// The design that an adapter names in its first line.
    pub(crate) fn named(module: &str) -> Option<Self> {
        (!module.is_empty()).then(|| Design {
            module: module.to_owned().into(),
            coalesces: None,
        })
    }

    /// Whether a recording made from outside can be held against it. What happens under a mutex cannot be
    /// told from outside.
    pub(crate) fn shows_outside(&self) -> bool {
        self.module != "CondvarLoop"
    }
}

const fn design(module: &'static str, coalesces: Option<bool>) -> Option<Design> {
    let module = Cow::Borrowed(module);
    Some(Design { module, coalesces })
}

/// Whom the loops are for.
pub(crate) const ECOSYSTEMS: [&str; 5] = ["Python", "C and C++", "JavaScript", "Java", "Rust"];

/// All of them, by ecosystem.
pub(crate) const LOOPS: [Loop; 21] = [
    python(
        "asyncio",
        &["asyncio_like.py", "asyncio"],
        "Python 3.9 or later",
    ),
    python(
        "uvloop",
        &["asyncio_like.py", "uvloop"],
        "pip install uvloop",
    ),
    python("rloop", &["asyncio_like.py", "rloop"], "pip install rloop"),
    python("tornado", &["tornado_loop.py"], "pip install tornado"),
    python("twisted", &["twisted_reactor.py"], "pip install twisted"),
    python("condition", &["condition.py"], "Python 3.9 or later"),
    c("libuv", "libuv.c", "", "libuv", "apt install libuv1-dev"),
    c(
        "glib",
        "glib.c",
        "",
        "glib-2.0",
        "apt install libglib2.0-dev",
    ),
    c(
        "libevent",
        "libevent.c",
        "",
        "libevent_pthreads",
        "apt install libevent-dev",
    ),
    c(
        "libevent-threads",
        "libevent.c",
        "-DTHREADS",
        "libevent_pthreads",
        "apt install libevent-dev",
    ),
    c("tcl", "tcl.c", "", "tcl", "apt install tcl-dev"),
    c("asio", "asio.cpp", "", "", "apt install libasio-dev g++"),
    c(
        "asio-unsafe",
        "asio.cpp",
        "-DUNSAFE",
        "",
        "apt install libasio-dev g++",
    ),
    Loop {
        name: "node",
        adapter: Adapter::Node("worker.mjs"),
        install: "apt install nodejs",
    },
    java("java-selector", "SelectorLoop"),
    java("java-queue", "QueueLoop"),
    rust("tokio"),
    rust("smol"),
    rust("mio"),
    rust("calloop"),
    rust("wakeproof"),
];

const fn python(name: &'static str, run: &'static [&'static str], install: &'static str) -> Loop {
    Loop {
        name,
        adapter: Adapter::Python(run),
        install,
    }
}

const fn c(
    name: &'static str,
    source: &'static str,
    flags: &'static str,
    library: &'static str,
    install: &'static str,
) -> Loop {
    Loop {
        name,
        adapter: Adapter::C(source, flags, library),
        install,
    }
}

const fn java(name: &'static str, class: &'static str) -> Loop {
    Loop {
        name,
        adapter: Adapter::Java(class),
        install: "apt install default-jdk-headless",
    }
}

const fn rust(name: &'static str) -> Loop {
    Loop {
        name,
        adapter: Adapter::Rust(name),
        install: "Rust, from rustup.rs",
    }
}

/// Where the adapters are.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../probes")
}

/// Where they are built.
fn built() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/probes")
}

/// The command that drives a loop with asyncio's interface.
pub(crate) fn asyncio_like(factory: &str) -> Vec<String> {
    vec![
        "python3".into(),
        path(folder().join("python/asyncio_like.py")),
        factory.into(),
    ]
}

fn path(path: PathBuf) -> String {
    path.to_string_lossy().into_owned()
}

impl Loop {
    /// Whom it is for: one of [`ECOSYSTEMS`].
    pub(crate) fn ecosystem(&self) -> &'static str {
        match self.adapter {
            Adapter::Python(_) => ECOSYSTEMS[0],
            Adapter::C(..) => ECOSYSTEMS[1],
            Adapter::Node(_) => ECOSYSTEMS[2],
            Adapter::Java(_) => ECOSYSTEMS[3],
            Adapter::Rust(_) => ECOSYSTEMS[4],
        }
    }

    /// The module of its design, if there is one. tornado runs on asyncio's loop, tokio on mio's selector.
    pub(crate) fn design(&self) -> Option<Design> {
        match self.name {
            "asyncio" | "tornado" => design("AsyncioLoop", None),
            "libuv" | "uvloop" => design("SelfPipeLoop", Some(true)),
            "glib" => design("SelfPipeLoop", Some(false)),
            "mio" | "tokio" => design("EdgeTriggeredLoop", None),
            "condition" | "wakeproof" => design("CondvarLoop", None),
            _ => None,
        }
    }

    /// The adapter's command.
    pub(crate) fn command(&self) -> Vec<String> {
        match self.adapter {
            Adapter::Python(run) => {
                let script = path(folder().join("python").join(run[0]));
                let arguments = run[1..].iter().map(|argument| (*argument).to_owned());
                ["python3".into(), script]
                    .into_iter()
                    .chain(arguments)
                    .collect()
            }
            Adapter::Node(file) => vec!["node".into(), path(folder().join("node").join(file))],
            Adapter::Java(class) => {
                let classes = path(built().join("java"));
                // It starts faster this way.
                let options = [
                    "-XX:TieredStopAtLevel=1",
                    "-XX:+UseSerialGC",
                    "-cp",
                    &classes,
                    class,
                ];
                let options = options.iter().map(|option| (*option).to_owned());
                ["java".to_owned()].into_iter().chain(options).collect()
            }
            Adapter::C(..) => vec![path(built().join(self.name))],
            Adapter::Rust(name) => vec![path(built().join("rust/debug").join(name))],
        }
    }

    /// Whether its adapter is one that has to be built and is not.
    pub(crate) fn is_unbuilt(&self) -> bool {
        let built = match self.adapter {
            Adapter::Python(_) | Adapter::Node(_) => return false,
            Adapter::Java(class) => built().join("java").join(format!("{class}.class")),
            Adapter::C(..) => built().join(self.name),
            Adapter::Rust(name) => built().join("rust/debug").join(name),
        };
        !built.exists()
    }

    /// Builds its adapter, if it has to be built.
    ///
    /// # Errors
    ///
    /// What the compiler said first.
    pub(crate) fn build(&self, is_interrupted: &AtomicBool) -> Result<(), String> {
        let script = match self.adapter {
            Adapter::Python(_) | Adapter::Node(_) => return Ok(()),
            Adapter::Java(_) => {
                "mkdir -p \"$BUILT/java\" && javac -d \"$BUILT/java\" java/*.java".into()
            }
            Adapter::C(source, flags, library) => {
                let compiler = if source.ends_with(".cpp") {
                    "c++"
                } else {
                    "cc"
                };
                let library = match library {
                    "" => String::new(),
                    library => format!("$(pkg-config --cflags --libs {library})"),
                };
                let name = self.name;
                format!(
                    "mkdir -p \"$BUILT\" && {compiler} -Wall -pthread {flags} -o \"$BUILT/{name}\" c/{source} {library}"
                )
            }
            Adapter::Rust(name) => format!(
                "cargo build --quiet --locked --manifest-path rust/Cargo.toml --target-dir \"$BUILT/rust\" \
                 --bin {name}"
            ),
        };
        let output = run(&script, is_interrupted).map_err(|error| error.to_string())?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let first = said
            .lines()
            .find(|line| line.contains("error") || line.contains("not found"));
        Err(first
            .or(said.lines().next())
            .unwrap_or("it says nothing")
            .trim()
            .to_owned())
    }
}

/// Runs a script of the shell in the folder of the adapters. Ctrl-C kills it, with the compilers.
fn run(script: &str, is_interrupted: &AtomicBool) -> io::Result<Output> {
    let mut command = Command::new("sh");
    command
        .args(["-c", script])
        .current_dir(folder())
        .env("BUILT", built())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    group::output(&mut command, is_interrupted)
}
