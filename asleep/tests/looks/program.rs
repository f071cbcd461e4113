//! Starting a program, and ending it whatever happens.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use libtest_mimic::Failed;
use tempfile::TempDir;

/// Which program this binary is to be.
pub(crate) const VARIABLE: &str = "ASLEEP_PROGRAM";

/// Longer than anything here takes: it ends a test that hangs, and says nothing about speed.
pub(crate) const WATCHDOG: Duration = Duration::from_secs(120);

/// A program that has said it is ready. Ends with this value.
pub(crate) struct Program {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
    /// Where it was compiled to.
    _directory: Option<TempDir>,
}

impl Program {
    /// One of this binary's own programs.
    pub(crate) fn start(name: &str) -> Result<Self, Failed> {
        let mut command = Command::new(env::current_exe()?);
        command.env(VARIABLE, name);
        Self::start_command(command, None)?.ok_or_else(|| format!("{name} needs nothing").into())
    }

    /// The same as an ordinary user, if this is root.
    pub(crate) fn start_as_nobody(name: &str) -> Result<Option<Self>, Failed> {
        if !rustix::process::geteuid().is_root() {
            return Self::start(name).map(Some);
        }
        // The binary may lie where nobody else may read.
        let directory = tempfile::tempdir_in("/tmp")?;
        fs::set_permissions(
            directory.path(),
            std::os::unix::fs::PermissionsExt::from_mode(0o755),
        )?;
        let binary = directory.path().join("program");
        fs::copy(env::current_exe()?, &binary)?;
        let mut command = Command::new(binary);
        command.env(VARIABLE, name).uid(65534).gid(65534);
        Self::start_command(command, Some(directory))
    }

    /// A program in C, or `None` without a compiler.
    pub(crate) fn start_c(source: &str, arguments: &[&str]) -> Result<Option<Self>, Failed> {
        let directory = tempfile::tempdir()?;
        let binary = directory.path().join("program");
        let compiled = Command::new("cc")
            .args(["-O1", "-pthread", "-o"])
            .arg(&binary)
            .arg(beside(source))
            .status();
        match compiled {
            Ok(status) if status.success() => {}
            Ok(status) => return Err(format!("cc could not compile {source}: {status}").into()),
            Err(_) => return missing("cc", source),
        }
        let mut command = Command::new(&binary);
        command.args(arguments);
        Self::start_command(command, Some(directory))
    }

    /// A program in Python, or `None` without Python.
    pub(crate) fn start_python(source: &str) -> Result<Option<Self>, Failed> {
        if Command::new("python3").arg("--version").output().is_err() {
            return missing("python3", source);
        }
        let mut command = Command::new("python3");
        command.arg("-u").arg(beside(source));
        Self::start_command(command, None)
    }

    /// `None` if the program says that something is missing here which no installation brings.
    fn start_command(
        mut command: Command,
        directory: Option<TempDir>,
    ) -> Result<Option<Self>, Failed> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("it has no standard output")?;
        let mut program = Program {
            child,
            output: BufReader::new(output),
            _directory: directory,
        };
        match program.line()?.as_str() {
            "ready" => Ok(Some(program)),
            line if line.starts_with("missing: ") => {
                eprintln!("SKIPPED: {line}");
                Ok(None)
            }
            line => Err(format!("the program said {line:?}, and not that it is ready").into()),
        }
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> Result<String, Failed> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    /// Everything that it prints until it ends.
    pub(crate) fn rest(&mut self) -> Result<String, Failed> {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest)?;
        Ok(rest)
    }

    pub(crate) fn id(&self) -> i32 {
        self.child.id().cast_signed()
    }

    pub(crate) fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }

    pub(crate) fn input(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn beside(source: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/looks/programs")
        .join(source)
}

fn missing<T>(tool: &str, source: &str) -> Result<Option<T>, Failed> {
    if env::var_os("ASLEEP_REQUIRE_ALL").is_some() {
        return Err(format!("{source} needs {tool}, which is not installed").into());
    }
    eprintln!("SKIPPED: {source} needs {tool}, which is not installed");
    Ok(None)
}
