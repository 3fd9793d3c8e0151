//! Who this agent is in a fleet: an id that stays, and the name of its host.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::FleetError;

/// The name of the file in the state directory.
pub const ID_FILE: &str = "agent-id";

/// Who leads and who reports ask at the same time, and an agent that has no id yet is to make one and not two.
static MAKING: Mutex<()> = Mutex::new(());

/// Who this agent is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// 32 hexadecimal digits; another agent has others.
    pub id: String,
    /// The host it runs on.
    pub host: String,
}

impl Identity {
    /// Reads it, and makes it at the first start.
    pub fn of(state_dir: &Path) -> Result<Self, FleetError> {
        let _one_at_a_time = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
        let path = state_dir.join(ID_FILE);
        let failed = |cause| FleetError::Identity { path: path.clone(), cause };
        let id = match read_id(&path).map_err(failed)? {
            Some(id) => id,
            None => make_id(&path).map_err(failed)?,
        };
        Ok(Self { id, host: host_name() })
    }
}

/// `None` when there is none, or what is there is none: a power cut may leave an empty file.
fn read_id(path: &Path) -> io::Result<Option<String>> {
    let mut text = String::new();
    match File::open(path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(cause),
        Ok(file) => match file.take(64).read_to_string(&mut text) {
            Ok(_) => {}
            Err(cause) if cause.kind() == io::ErrorKind::InvalidData => return Ok(None),
            Err(cause) => return Err(cause),
        },
    }
    let id = text.trim();
    let fits = id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    Ok(fits.then(|| id.to_owned()))
}

fn make_id(path: &Path) -> io::Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let id = bytes.map(|byte| format!("{byte:02x}")).concat();
    let draft = path.with_extension("new");
    let mut file = File::create(&draft)?;
    file.write_all(format!("{id}\n").as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    Ok(id)
}

fn host_name() -> String {
    let name = sysinfo::System::host_name().unwrap_or_else(|_unknown| "unknown".to_owned());
    name.chars().filter(|char| *char != '\0').take(255).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stays_and_what_is_none_is_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let first = Identity::of(dir.path()).unwrap();
        assert_eq!(first.id.len(), 32);
        assert_eq!(Identity::of(dir.path()).unwrap(), first);
        for broken in ["", "x", &"g".repeat(32), &"a".repeat(33), "\u{fffd}"] {
            fs::write(dir.path().join(ID_FILE), broken).unwrap();
            let anew = Identity::of(dir.path()).unwrap();
            assert_ne!(anew.id, first.id);
            assert_eq!(Identity::of(dir.path()).unwrap(), anew);
        }
        for _ in 0..50 {
            fs::remove_file(dir.path().join(ID_FILE)).unwrap();
            let ids = std::thread::scope(|scope| {
                let asking = [(); 4].map(|()| scope.spawn(|| Identity::of(dir.path()).unwrap()));
                asking.map(|asked| asked.join().unwrap().id)
            });
            assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        }
        fs::remove_file(dir.path().join(ID_FILE)).unwrap();
        fs::create_dir(dir.path().join(ID_FILE)).unwrap();
        let told = Identity::of(dir.path()).unwrap_err();
        assert!(told.remedy().contains("ls -ld"), "{told}");
    }
}
