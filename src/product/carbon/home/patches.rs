//! `repository/components/patches` and `servicepacks`, and what update tools left.
//!
//! At a start the jars of patches are copied over the bundles of the distribution, in the order of their names
//! (`PatchUtils` of the kernel); its own record of that is read, and the files are compared.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use upgrade_readiness_checks::facts::Patches;

use super::error::{HomeError, if_there, list};
use super::versions::{PLUGINS, PRODUCT};
use crate::collect::text_file::{ReadTextError, open_without_waiting, read_text};

/// Below the home.
const PATCHES: &str = "repository/components/patches";
const SERVICE_PACKS: &str = "repository/components/servicepacks";
/// Below the directory of patches: which were applied at the last start.
const APPLIED: &str = ".metadata/prePatchedDir.txt";
/// What the bundles were before the first patch; no patch itself.
const ORIGINALS: &str = "patch0000";
/// No home has more patches, nor a patch more files.
const MOST: usize = 5000;
/// No more of a jar is compared.
const MOST_BYTES: u64 = 256 * 1024 * 1024;

/// Reads which patches there are and whether they have taken effect.
pub(super) fn read_patches(home: &Path) -> Result<Patches, HomeError> {
    let directory = home.join(PATCHES);
    let names = |path: &Path| if_there(list(path, MOST, "entries")).map(Option::unwrap_or_default);
    let patches: Vec<_> =
        names(&directory)?.into_iter().filter(|name| is_patch(name, "patch") && name != ORIGINALS).collect();
    let packs: Vec<_> =
        names(&home.join(SERVICE_PACKS))?.into_iter().filter(|name| is_patch(name, "servicepack")).collect();
    let applied = if_there(read_text(&directory.join(APPLIED)).map_err(HomeError::from))?;
    let applied = applied.unwrap_or_default();
    let applied = applied.split(|c: char| c.is_whitespace() || c == ',').filter(|name| !name.is_empty());

    // Of several patches with the same file, the last one counts.
    let mut effective: BTreeMap<String, PathBuf> = BTreeMap::new();
    for patch in &patches {
        for file in names(&directory.join(patch))?.into_iter().filter(|name| is_jar(name)) {
            effective.insert(file.clone(), directory.join(patch).join(file));
        }
    }
    let mut not_effective = Vec::new();
    for (file, patch) in &effective {
        if !are_alike(patch, &home.join(PLUGINS).join(file))? {
            not_effective.push(patch.strip_prefix(home).unwrap_or(patch).display().to_string());
        }
    }
    Ok(Patches {
        applied: applied.map(str::to_owned).collect(),
        present: patches.into_iter().chain(packs).collect::<BTreeSet<_>>(),
        not_effective,
        level: read_level(home)?,
    })
}

fn is_jar(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("jar"))
}

fn is_patch(name: &str, kind: &str) -> bool {
    name.strip_prefix(kind)
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The timestamp an update tool adds to the version, behind a plus sign: `1660491962474.full`.
///
/// Which file the newer tool keeps its level in is not known; where it was used at all, that is told.
fn read_level(home: &Path) -> Result<Option<String>, HomeError> {
    let line = if_there(read_text(&home.join(PRODUCT)).map_err(HomeError::from))?.unwrap_or_default();
    if let Some((_, stamp)) = line.trim().split_once('+') {
        return Ok(Some(stamp.chars().take(60).collect()));
    }
    let used = |below: &str| if_there(list(&home.join(below), MOST, "entries")).map(|found| found.is_some());
    if used("updates/wum")? {
        return Ok(Some("updated by WUM".to_owned()));
    }
    Ok(used("updates/logs")?
        .then(|| "updated by the update tool; `wso2update_linux current-state` tells the level".to_owned()))
}

/// Whether both files have the same content; a file that is not there is unlike every other.
fn are_alike(one: &Path, other: &Path) -> Result<bool, HomeError> {
    let failed = |path: &Path, cause| ReadTextError::Read { path: path.to_owned(), cause };
    let open = |path: &Path| {
        let file = open_without_waiting(path).map_err(|cause| failed(path, cause))?;
        let length = file.metadata().map_err(|cause| failed(path, cause))?.len();
        Ok::<_, HomeError>((file.take(MOST_BYTES), length))
    };
    let (mut first, length) = open(one)?;
    let Some((mut second, other_length)) = if_there(open(other))? else { return Ok(false) };
    if length != other_length {
        return Ok(false);
    }
    let (mut ours, mut theirs) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        let count = first.read(&mut ours).map_err(|cause| failed(one, cause))?;
        if count == 0 {
            return Ok(true);
        }
        let (Some(ours), Some(theirs)) = (ours.get(..count), theirs.get_mut(..count)) else {
            return Ok(false);
        };
        match second.read_exact(theirs) {
            Ok(()) if ours == theirs => {}
            Ok(()) => return Ok(false),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(cause) => return Err(failed(other, cause).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::carbon::fixture::Example;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn patches_and_what_became_of_them_are_told() {
        let example = Example::new().lay_out();
        let at = |below: &str| format!("repository/components/{below}");
        example.write(&at("plugins/a_1.0.0.jar"), "second");
        example.write(&at("patches/patch0000/a_1.0.0.jar"), "original");
        example.write(&at("patches/patch0001/a_1.0.0.jar"), "first");
        example.write(&at("patches/patch0002/a_1.0.0.jar"), "second");
        example.write(&at("patches/patch0003/b_1.0.0.jar"), "never copied");
        example.write(&at("patches/patch0004/README.txt"), "");
        example.write(&at("patches/.metadata/prePatchedDir.txt"), "patch0001\npatch0002\n");
        example.write(&at("servicepacks/servicepack0001/lib/x.jar"), "");
        let patches = read_patches(&example.home()).unwrap();
        assert_eq!(
            patches.present,
            set(&["patch0001", "patch0002", "patch0003", "patch0004", "servicepack0001"])
        );
        assert_eq!(patches.applied, set(&["patch0001", "patch0002"]));
        assert_eq!(patches.not_effective, [at("patches/patch0003/b_1.0.0.jar")]);
        assert_eq!(patches.level, None);
    }

    #[test]
    fn a_home_without_patches_has_none() {
        let example = Example::new().lay_out();
        assert_eq!(read_patches(&example.home()).unwrap(), Patches::default());
        example.write("bin/version.txt", "WSO2 Identity Server v5.7.0+1660491962474.full\n");
        assert_eq!(read_patches(&example.home()).unwrap().level.as_deref(), Some("1660491962474.full"));
    }
}
