//! Files that are there as a whole or not at all.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;

/// Writes a file aside and then puts it in its place: a full disk or Ctrl-C leaves what was there before.
///
/// # Errors
///
/// If that fails. The message names the file.
pub(crate) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let write = || -> io::Result<()> {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        // A temporary file is its owner's alone, and this one is for everybody to read.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let everybody = fs::Permissions::from_mode(0o644);
            file.as_file().set_permissions(everybody)?;
        }
        file.persist(path)?;
        Ok(())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_what_is_in_the_way_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        write(&file, "one").expect("it can be written");
        write(&file, "another").expect("it can be replaced");
        assert_eq!(fs::read_to_string(&file).expect("a file"), "another");

        // A folder of that name cannot be replaced.
        let folder_in_the_way = folder.path().join("folder");
        fs::create_dir(&folder_in_the_way).expect("a folder");
        fs::write(folder_in_the_way.join("inside"), "kept").expect("a file");
        let error = write(&folder_in_the_way, "lost").expect_err("it is in the way");
        assert!(
            format!("{error:#}").starts_with("cannot write "),
            "{error:#}"
        );
        assert!(folder_in_the_way.join("inside").exists());
        // And nothing else is left behind.
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2);
    }
}
