//! The new program in the place of the old one, with everything that must be carried over into it.

use super::backup::kept_files;
use super::{Leg, joined};
use crate::catalog::Component;
use crate::facts::{BackupKind, Engine, Role, ServiceManager, Synchrony};
use crate::model::Verdict;
use crate::plan::book::commands::{backup_file, on_host, sh, word};
use crate::plan::book::desk::{Desk, Draft};
use crate::plan::way::{Method, Part};

pub(super) fn carried_files(desk: &Desk<'_>) -> Vec<String> {
    let findings = desk.findings("customised-files").iter().map(|dated| &dated.finding);
    findings.map(|finding| format!("{}: {}", finding.subject, finding.summary)).collect()
}

/// Puts the new program in the place of the old one, and tells it where the home is.
pub(super) fn program_lines(desk: &Desk<'_>, leg: &Leg<'_>) -> Vec<String> {
    let site = desk.site;
    let init = site.below(site.program(), "confluence/WEB-INF/classes/confluence-init.properties");
    let mut lines = unpack_program(desk, leg);
    lines.push(if site.windows {
        format!("echo confluence.home={}>>{}", site.home().replace('\\', "/"), word(site, &init))
    } else {
        format!("echo {} >> {}", sh(&format!("confluence.home={}", site.home())), sh(&init))
    });
    lines
}

fn unpack_program(desk: &Desk<'_>, leg: &Leg<'_>) -> Vec<String> {
    let site = desk.site;
    let (program, parent) = (site.program(), site.parent(site.program()));
    let archive = format!("atlassian-confluence-{}", leg.to);
    let old = format!("{}-{}", program.trim_end_matches(['/', '\\']), leg.from);
    let unpacked = site.below(parent, &archive);
    if site.windows {
        return vec![
            format!("tar -xf {archive}.zip -C {}", word(site, parent)),
            format!("move {} {}", word(site, program), word(site, &old)),
            format!("move {} {}", word(site, &unpacked), word(site, program)),
        ];
    }
    let writable = ["logs", "temp", "work"].map(|name| sh(&site.below(program, name)));
    vec![
        format!("tar --extract --gzip --file={archive}.tar.gz --directory={}", sh(parent)),
        format!("mv {} {}", sh(program), sh(&old)),
        format!("mv {} {}", sh(&unpacked), sh(program)),
        format!("chown --recursive {}: {}", sh(&site.user), writable.join(" ")),
    ]
}

pub(super) fn install(desk: &Desk<'_>, leg: &Leg<'_>) -> Draft {
    let site = desk.site;
    let product = desk.facts.product;
    let file = desk.package(leg.to);
    match desk.method {
        Method::Installer => {
            let lines = if site.windows {
                vec![file]
            } else {
                vec![format!("chmod a+x {file}"), format!("./{file}")]
            };
            Draft::work("install", format!("Run the installer of {product} {}", leg.to))
                .outage()
                .block(on_host(site, lines))
                .list(vec![
                    "Choose to upgrade an existing installation".to_owned(),
                    format!("Existing installation: {}", site.program()),
                    "Backup of the home: no, it was made in the step before; the installation is packed in any case".to_owned(),
                    "It lists files that were modified, removed or added: they are the ones put aside before".to_owned(),
                    format!("Start {product} now: no, the settings come first"),
                ])
                .caution(format!(
                    "The installer deletes {} when it has packed it. Where it says that {product} still runs, go back to the \
                     step that stops it.",
                    site.program()
                ))
                .time(joined(desk.share(25), desk.packing(site.size(Role::Installation))))
        }
        Method::Archive | Method::Rolling => {
            let lines = program_lines(desk, leg);
            Draft::work("install", format!("Put {product} {} in the place of {}", leg.to, leg.from))
                .outage()
                .text(format!(
                    "The old installation stays beside it as {}-{}; the new one gets its name, so that units, scripts and \
                     paths stay as they are.",
                    site.program(),
                    leg.from
                ))
                .block(on_host(site, lines))
                .time(desk.share(25))
        }
    }
}

pub(super) fn carry_over(desk: &Desk<'_>, leg: &Leg<'_>) -> Draft {
    let site = desk.site;
    let kept = kept_files(desk, leg);
    let server = site.below(site.program(), "conf/server.xml");
    let unseen = desk.check("customised-files").is_none_or(|check| check.verdict == Verdict::Unknown);
    let mut items = carried_files(desk);
    items.extend(settings(desk));
    let draft = Draft::work("carry-over", "Carry the changed files over")
        .outage()
        .text(format!(
            "What was changed by hand is written into the new files, line by line; the old files themselves do not belong into \
             the new release. The old ones are in {kept}."
        ))
        .when(unseen, || {
            "Which files were changed could not be seen: compare the usual ones, and ask whoever knows the instance.".to_owned()
        })
        .list(items);
    let draft = if site.windows {
        let old = site.below(&kept, "server.xml");
        draft.block(on_host(site, vec![format!("fc {} {}", word(site, &old), word(site, &server))]))
    } else {
        draft.block(on_host(
            site,
            vec![format!("diff --unified {} {}", sh(&format!("{kept}{server}")), sh(&server))],
        ))
    };
    draft.time(desk.share(10))
}

/// What the usual files must say in the new installation, as far as it is known.
fn settings(desk: &Desk<'_>) -> Vec<String> {
    let site = desk.site;
    let mut items = Vec::new();
    if let Some(connector) = site.connector() {
        let mut words = vec![format!("connector on port {}", connector.port)];
        if let Some(proxy) = &connector.proxy_name {
            words.push(format!("proxyName {proxy}"));
            words.push(format!("scheme {}", connector.scheme));
        }
        if !site.installation.context_path.is_empty() {
            words.push(format!("context path {}", site.installation.context_path));
        }
        if site.installation.synchrony_proxy.value() == Some(&true) {
            words.push("the context synchrony-proxy".to_owned());
        }
        items.push(format!("{}: {}", site.below(site.program(), "conf/server.xml"), words.join(", ")));
    }
    let script = site.below(site.program(), if site.windows { "bin/setenv.bat" } else { "bin/setenv.sh" });
    let options = desk.facts.java().ok().and_then(|java| java.options.value());
    let heap = options.and_then(|options| options.max_heap_bytes).map(|heap| format!("-Xmx{}m", heap >> 20));
    let synchrony = site.synchrony().and_then(|synchrony| match synchrony {
        Synchrony::Standalone { url } => Some(format!("-Dsynchrony.service.url={url}")),
        Synchrony::Managed => None,
    });
    let options: Vec<String> = [heap, synchrony].into_iter().flatten().collect();
    items.push(if options.is_empty() {
        format!("{script}: the options of Java that stand in the old one; the new file comes with the vendor's own")
    } else {
        format!("{script}: {}, as now; the new file comes with the vendor's own options", options.join(" "))
    });
    items.push(format!(
        "{}: confluence.home = {}",
        site.below(site.program(), "confluence/WEB-INF/classes/confluence-init.properties"),
        site.home()
    ));
    items
}

pub(super) fn java(desk: &Desk<'_>, leg: &Leg<'_>) -> Option<Draft> {
    let site = desk.site;
    let moved = leg.with_jump.iter().find(|change| change.part == Part::Java);
    let own = site.own_java();
    let script = site.below(site.program(), if site.windows { "bin\\setenv.bat" } else { "bin/setenv.sh" });
    let takes = desk.judge.catalog.ruling(Component::Java, "0", leg.to.line()).supported;
    let takes = if takes.is_empty() {
        "a Java it supports".to_owned()
    } else {
        format!("Java {}", takes.join(" or "))
    };
    match (moved, own, desk.method) {
        (Some(change), _, _) => Some(
            Draft::work("java", format!("Give {} Java {}", leg.to, change.to))
                .outage()
                .text(format!(
                    "No release works with Java {} and Java {}, so both change in one step: the new Java is installed beside \
                     the old one, and only the new installation uses it. Name its home as JRE_HOME in {script}.",
                    change.from, change.to
                )),
        ),
        (None, Some(_), _) if leg.java.is_some() => Some(
            Draft::work("java", "Name the Java").outage().text(format!(
                "The way has changed it to Java {}. Name its home as JRE_HOME in {script}, as in the old installation.",
                leg.java.unwrap_or_default()
            )),
        ),
        (None, Some(runtime), _) => Some(Draft::work("java", "Name the Java").outage().text(format!(
            "The service runs on {}. Name it as JRE_HOME in {script}, as before.",
            runtime.home
        ))),
        (None, None, Method::Archive | Method::Rolling) => Some(
            Draft::work("java", "Give it a Java").outage().text(format!(
                "The archive brings no Java, and the one in use came with the old installation. Install {takes} for {} on {} \
                 and name its home as JRE_HOME in {script}.",
                leg.to, site.host
            )),
        ),
        (None, None, Method::Installer) => None,
    }
}

pub(super) fn driver(desk: &Desk<'_>, leg: &Leg<'_>) -> Option<Draft> {
    let site = desk.site;
    let engine = match site.database.engine? {
        engine @ (Engine::Mysql | Engine::Mariadb | Engine::Oracle) => engine,
        Engine::Postgresql | Engine::SqlServer | Engine::H2 | Engine::Hsqldb => return None,
    };
    let library = site.below(site.program(), "confluence/WEB-INF/lib");
    let drivers = desk.facts.installation().ok().and_then(|facts| facts.drivers.value());
    let jars: Vec<&str> = drivers
        .map(|drivers| {
            drivers
                .iter()
                .filter(|driver| {
                    driver.engine == engine || engine == Engine::Mysql && driver.engine == Engine::Mariadb
                })
                .map(|driver| driver.file.as_str())
                .collect()
        })
        .unwrap_or_default();
    let newer = leg.with_jump.iter().find(|change| matches!(change.part, Part::Driver(_)));
    let draft =
        Draft::work("driver", format!("Put the driver of {} into the new installation", engine.name()))
            .outage();
    if let Some(change) = newer {
        return Some(draft.text(format!(
            "{} needs version {} of it; {} is for the old release. Put the new jar into {library}.",
            leg.to, change.to, change.from
        )));
    }
    if jars.is_empty() {
        return Some(draft.text(format!(
            "It does not come with the program, and the jar in use could not be seen. Download the one the vendor names for \
             {} and put it into {library}.",
            leg.to.line()
        )));
    }
    let old = match desk.method {
        Method::Archive | Method::Rolling => site.below(
            &format!("{}-{}", site.program().trim_end_matches(['/', '\\']), leg.from),
            "confluence/WEB-INF/lib",
        ),
        Method::Installer => site.below(&site.backup_dir(BackupKind::Installation), "confluence/WEB-INF/lib"),
    };
    let copy = |jar: &&str| {
        let (from, to) = (word(site, &site.below(&old, jar)), word(site, &library));
        if site.windows { format!("copy {from} {to}") } else { format!("cp {from} {to}") }
    };
    let lines: Vec<String> = jars.iter().map(copy).collect();
    Some(
        draft
            .text("It does not come with the program and is lost with each upgrade.")
            .when(desk.method == Method::Installer, || {
                format!(
                    "Take it out of the backup of the installation ({}) first.",
                    backup_file(site, BackupKind::Installation, leg.to.as_str())
                )
            })
            .block(on_host(site, lines)),
    )
}

pub(super) fn windows_service(desk: &Desk<'_>) -> Option<Draft> {
    let site = desk.site;
    if !site.windows {
        return None;
    }
    let name = match &site.manager {
        ServiceManager::WindowsService { name } => name.as_str(),
        ServiceManager::Systemd { .. } | ServiceManager::InitScript { .. } | ServiceManager::Scripts => {
            "SERVICE_NAME"
        }
    };
    let script = word(site, &site.below(site.program(), "bin/service.bat"));
    Some(
        Draft::work("windows-service", "Install the Windows service anew")
            .outage()
            .text(
                "The old service points into the old installation. Remove it and install that of the new one; then give it the \
                 account of the old one (services.msc, Log On), and the options of Java it had.",
            )
            .when(desk.method == Method::Installer, || {
                "The installer may have done it: see where the path to the executable of the service points.".to_owned()
            })
            .block(on_host(site, vec![
                format!("sc qc {}", word(site, name)),
                format!("{script} remove {}", word(site, name)),
                format!("{script} install {}", word(site, name)),
            ])),
    )
}
