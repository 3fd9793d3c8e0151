//! Programs that look into every file that is opened or written: virus scanners and endpoint protection.

use std::path::Path;

use upgrade_readiness_checks::facts::{Field, Scanner};

use crate::chain::Chain;
use crate::collect::process::names::list_names;

/// Names of processes, as far as the kernel keeps them (15 bytes), and the product they belong to. A name that ends
/// in `*` stands for all that begin so. Names are those in the vendors' manuals for Linux, and of the Windows service.
const KNOWN: [(&str, &str); 51] = [
    ("avast*", "Avast"),
    ("avgd", "AVG"),
    ("bdsecd", "Bitdefender GravityZone"),
    ("bdsrvscand", "Bitdefender GravityZone"),
    ("cbagentd", "VMware Carbon Black"),
    ("cbdaemon", "VMware Carbon Black"),
    ("cbdefense", "VMware Carbon Black"),
    ("cbsensor", "VMware Carbon Black"),
    ("clamd", "ClamAV"),
    ("clamonacc", "ClamAV on-access scanning"),
    ("cylancesvc", "Cylance"),
    ("drweb-*", "Dr.Web"),
    ("ds_agent", "Trend Micro Deep Security"),
    ("ds_am", "Trend Micro Deep Security"),
    ("elastic-endpoin*", "Elastic Defend"),
    ("eraagent", "ESET"),
    ("esets_*", "ESET"),
    ("falcon-sensor*", "CrowdStrike Falcon"),
    ("fsavd", "WithSecure"),
    ("fsoasd", "WithSecure"),
    ("imunify-antivi*", "Imunify"),
    ("imunify360-*", "Imunify"),
    ("isecespd", "Trellix Endpoint Security"),
    ("isectpd", "Trellix Endpoint Security"),
    ("kav4fs-*", "Kaspersky"),
    ("kesl", "Kaspersky Endpoint Security"),
    ("kesl-*", "Kaspersky Endpoint Security"),
    ("mdatp*", "Microsoft Defender"),
    ("mfetpd", "Trellix Endpoint Security"),
    ("msmpeng*", "Microsoft Defender"),
    ("nailsd", "Trellix VirusScan"),
    ("nailslogd", "Trellix VirusScan"),
    ("oaeventd", "ESET"),
    ("odfeeder", "ESET"),
    ("onaccess_eventd", "ESET"),
    ("rtvscand", "Symantec Endpoint Protection"),
    ("s1-agent", "SentinelOne"),
    ("s1-scanner", "SentinelOne"),
    ("savd", "Sophos"),
    ("savscand", "Sophos"),
    ("sentineld", "SentinelOne"),
    ("sisamdagent", "Symantec Endpoint Protection"),
    ("sisidsagent", "Symantec Endpoint Protection"),
    ("smcd", "Symantec Endpoint Protection"),
    ("soapd", "Sophos"),
    ("sophos*", "Sophos"),
    ("symcfgd", "Symantec Endpoint Protection"),
    ("tmxbc", "Trend Micro"),
    ("traps_pmd", "Palo Alto Cortex XDR"),
    ("wdavdaemon", "Microsoft Defender"),
    ("xagt", "Trellix Endpoint Security (FireEye)"),
];

/// The scanners that run. A list of processes that is not whole tells nothing: most scanners run as root.
pub(super) fn read_scanners(proc_dir: &Path) -> Field<Vec<Scanner>> {
    match list_names(proc_dir) {
        Ok(names) => Field::Read(names.iter().filter_map(|name| known(name)).collect()),
        Err(error) => Field::Unread(Chain(&error).to_string()),
    }
}

fn known(process: &str) -> Option<Scanner> {
    let lower = process.to_ascii_lowercase();
    let fits = |name: &str| match name.strip_suffix('*') {
        Some(begin) => lower.starts_with(begin),
        None => lower == name,
    };
    let (_, product) = KNOWN.iter().find(|(name, _)| fits(name))?;
    Some(Scanner { process: process.to_owned(), product: (*product).to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::process::fixture::FakeProc;

    #[test]
    fn known_scanners_are_found_among_the_processes() {
        let proc = FakeProc::with_init();
        let scanners =
            ["clamd", "wdavdaemon", "falcon-sensor-b", "elastic-endpoin", "MsMpEng.exe", "SophosFileScan"];
        let others = ["freshclam", "clamdscan-x", "java", "mysqld", "kesla", "smc"];
        for (pid, name) in (10..).zip(scanners.iter().chain(&others)) {
            proc.add(pid, name, &[name]);
        }
        let Field::Read(found) = read_scanners(proc.dir()) else { panic!("all processes can be seen") };
        let mut names: Vec<&str> = found.iter().map(|scanner| scanner.process.as_str()).collect();
        names.sort_unstable();
        let mut expected = scanners;
        expected.sort_unstable();
        assert_eq!(names, expected);
        assert_eq!(found.iter().find(|s| s.process == "clamd").unwrap().product, "ClamAV");
    }

    #[test]
    fn names_are_sorted_and_fit_into_what_the_kernel_keeps() {
        assert!(KNOWN.is_sorted_by(|a, b| a.0 < b.0));
        assert!(KNOWN.iter().all(|(name, _)| name.trim_end_matches('*').len() <= 15 && name.to_ascii_lowercase() == *name));
    }

    #[test]
    fn who_cannot_see_all_says_so() {
        assert_eq!(read_scanners(FakeProc::with_init().dir()), Field::Read(Vec::new()));
        let Field::Unread(why) = read_scanners(FakeProc::empty().dir()) else { panic!("hidden") };
        assert!(why.contains("hidden"), "{why}");
    }
}
