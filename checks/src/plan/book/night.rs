//! The upgrade itself, stop by stop: the same steps on staging and in production, so that the one proves the other.

use super::commands::{
    ask_state, backup_file, dump, follow_log, of_agent, on_host, pack, sh, start, stop, word,
};
use super::desk::{Desk, Draft};
use super::parts::{Block, Estimate, Section, SectionKind};
use super::preparation::outlook;
use crate::catalog::{Component, Jump};
use crate::facts::{BackupKind, Engine, Role, Search, ServiceManager, Synchrony};
use crate::plan::way::{Change, Method, Part, Way};
use crate::rules::clock::{local, span, zone_name};
use crate::version::ProductVersion;

/// One upgrade of the way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leg<'a> {
    pub(super) kind: SectionKind,
    /// The release that runs before.
    pub(super) from: &'a ProductVersion,
    /// The release that is upgraded to.
    pub(super) to: &'a ProductVersion,
    /// Its number among all, from zero.
    pub(super) index: usize,
    /// How many there are.
    pub(super) count: usize,
    /// What changes in the same step.
    pub(super) with_jump: &'a [Change],
    /// What is changed afterwards, while the new release runs.
    pub(super) then: &'a [Change],
    /// Whether the step is known to be allowed.
    pub(super) jump: Option<&'a Jump>,
}

impl Leg<'_> {
    fn is_first(&self) -> bool {
        self.index == 0
    }

    fn is_last(&self) -> bool {
        self.index + 1 == self.count
    }

    fn production(&self) -> bool {
        self.kind == SectionKind::Production
    }

    /// What stands in the ids of its steps, when there are several.
    pub(super) fn stop(&self) -> Option<&ProductVersion> {
        (self.count > 1).then_some(self.to)
    }
}

/// Every upgrade of the way; the target alone where there is no way, so that the book can be read all the same.
pub(super) fn legs<'a>(desk: &'a Desk<'_>, kind: SectionKind) -> Vec<Leg<'a>> {
    let Ok(way) = desk.way else {
        return vec![Leg {
            kind,
            from: desk.running,
            to: &desk.target.version,
            index: 0,
            count: 1,
            with_jump: &[],
            then: &[],
            jump: None,
        }];
    };
    let from = std::iter::once(desk.running).chain(way.stops.iter().map(|stop| &stop.version));
    let legs = way.stops.iter().zip(from).enumerate().map(|(index, (stop, from))| Leg {
        kind,
        from,
        to: &stop.version,
        index,
        count: way.stops.len(),
        with_jump: &stop.with_jump,
        then: &stop.then,
        jump: Some(&stop.jump),
    });
    legs.collect()
}

/// What is changed below the running release before its first upgrade.
pub(super) fn before(desk: &Desk<'_>, way: &Way) -> Option<Section> {
    if way.before.is_empty() {
        return None;
    }
    let drafts = way.before.iter().map(|change| changed(desk, &way.from, change));
    Some(Section {
        kind: SectionKind::Production,
        stop: Some(way.from.clone()),
        title: format!("Production: below {}, before the first upgrade", way.from),
        intro: vec![Block::Text(format!(
            "{} runs on the old and on the new version of what is changed here; the next release does not run on the old \
             one. It may be done days before the upgrade, in an outage of its own.",
            way.from
        ))],
        steps: desk.finish_all(SectionKind::Production, Some(&way.from), drafts),
    })
}

pub(super) fn section(desk: &Desk<'_>, leg: Leg<'_>) -> Section {
    let name = if leg.production() { "Production" } else { "Staging" };
    let title = if leg.count == 1 {
        format!("{name}: {} to {}", leg.from, leg.to)
    } else {
        format!("{name}: stop {} of {}, {} to {}", leg.index + 1, leg.count, leg.from, leg.to)
    };
    let drafts = match desk.method {
        Method::Rolling => rolling(desk, &leg),
        Method::Installer | Method::Archive => with_downtime(desk, &leg),
    };
    Section {
        kind: leg.kind,
        stop: leg.stop().cloned(),
        title,
        intro: intro(desk, &leg),
        steps: desk.finish_all(leg.kind, leg.stop(), drafts),
    }
}

fn intro(desk: &Desk<'_>, leg: &Leg<'_>) -> Vec<Block> {
    let mut intro = Vec::new();
    if !leg.production() && leg.is_first() {
        let staging = desk.facts.rehearsal().ok().and_then(|rehearsal| rehearsal.staging.as_ref());
        let at = staging.map_or_else(String::new, |staging| match &staging.profile.home {
            Some(home) => format!(" It is {}, with its home at {home}.", staging.instance),
            None => format!(" It is {}.", staging.instance),
        });
        intro.push(Block::Text(format!(
            "The same steps as in production, on a copy of it.{at} Where paths, hosts or names differ there, use those of \
             staging, and write down what was different. Mark each step with `agent plan step ID done --by NAME`: the \
             agent then knows how long it took, and production's times below become real ones."
        )));
    }
    match leg.jump {
        Some(Jump::NotKnown(page)) => intro.push(Block::Caution(format!(
            "Nobody says whether {} can be upgraded to {} in one step. Look it up in {}, and prove it on staging; the new \
             release refuses to start on data that is too old, and changes nothing then.",
            leg.from,
            leg.to,
            page.as_deref().unwrap_or("the vendor's documentation")
        ))),
        Some(Jump::Direct(_) | Jump::Refused(_)) | None => {}
    }
    intro
}

fn with_downtime(desk: &Desk<'_>, leg: &Leg<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    if !leg.production() && leg.is_first() {
        drafts.extend([environment(desk), copy(desk)]);
    }
    if leg.production() && leg.is_first() {
        drafts.extend([begin(desk), snapshot(desk)]);
    }
    if leg.is_first() {
        drafts.push(compatibility(desk, leg));
        drafts.extend(update_before(desk));
        drafts.extend(scanners(desk, leg));
    }
    if leg.production() && leg.is_first() {
        drafts.push(sessions());
    }
    drafts.push(stop_service(desk));
    drafts.extend(back_up(desk, leg));
    drafts.push(keep_files(desk, leg));
    drafts.push(install(desk, leg));
    drafts.push(carry_over(desk, leg));
    drafts.extend(java(desk, leg));
    drafts.extend(driver(desk, leg));
    drafts.extend(windows_service(desk));
    drafts.push(first_start(desk, leg));
    drafts.extend(synchrony(desk));
    if leg.is_last() {
        drafts.extend(apps(desk));
        drafts.extend([stop_again(desk), clear_caches(desk), start_again(desk)]);
        drafts.extend(search(desk, leg));
        drafts.extend(other_nodes(desk, leg));
        drafts.push(test(desk, leg));
        drafts.push(companion());
        if !leg.production() {
            drafts.push(rehearsed(desk));
        }
    } else {
        drafts.extend(other_nodes(desk, leg));
        drafts.push(look_at_stop(desk, leg));
    }
    drafts.extend(leg.then.iter().map(|change| changed(desk, leg.to, change)));
    drafts
}

fn rolling(desk: &Desk<'_>, leg: &Leg<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    if !leg.production() && leg.is_first() {
        drafts.extend([environment(desk), copy(desk)]);
    }
    if leg.production() && leg.is_first() {
        drafts.extend([begin(desk), snapshot(desk)]);
    }
    if leg.is_first() {
        drafts.push(compatibility(desk, leg));
        drafts.extend(update_before(desk));
        drafts.extend(scanners(desk, leg));
    }
    drafts.extend(back_up(desk, leg));
    let product = desk.facts.product;
    let url = desk.site.public_url();
    drafts.push(
        Draft::work("upgrade-mode", "Switch upgrade mode on")
            .text(format!(
                "{url}/admin/zdu: Administration, General Configuration, Rolling upgrades. With upgrade mode on, nodes of two \
                 releases may be in the cluster at the same time; until the first node is upgraded it can be switched off again."
            ))
            .time(desk.share(10)),
    );
    let nodes = desk.site.nodes();
    for node in &nodes {
        drafts.push(roll_node(desk, leg, node));
    }
    drafts.extend(synchrony(desk));
    drafts.push(
        Draft::work("finalise", "Finalise the upgrade")
            .text(format!(
                "When every node runs {} and is active: run the upgrade tasks at {url}/admin/zdu, wait until they have ended, \
                 and see that upgrade mode is off. From then on there is no way back to {} but the backups.",
                leg.to, leg.from
            ))
            .caution(format!("A {product} that was not finalised stands in the way of the next upgrade."))
            .time(desk.half_of_database()),
    );
    if leg.is_last() {
        drafts.extend(apps(desk));
        drafts.extend(search(desk, leg));
        drafts.push(test(desk, leg));
        drafts.push(companion());
        if !leg.production() {
            drafts.push(rehearsed(desk));
        }
    } else {
        drafts.push(look_at_stop(desk, leg));
    }
    drafts.extend(leg.then.iter().map(|change| changed(desk, leg.to, change)));
    drafts
}

fn roll_node(desk: &Desk<'_>, leg: &Leg<'_>, node: &str) -> Draft {
    let site = &desk.site;
    let mut lines = stop(site);
    lines.extend(unpack_program(desk, leg));
    lines.extend(start(site));
    lines.push(ask_state(site));
    Draft::work(&format!("node-{}", plain(node)), format!("Upgrade node {node}"))
        .text(format!(
            "Take {node} out of the load balancer and wait until nobody works on it. Stop it, put {} in the place of {}, \
             carry the changed files over as in the step on files, start it, and put it back when the cluster shows it as \
             active. Only then go on with the next node.",
            leg.to, leg.from
        ))
        .block(Block::Commands { place: format!("on {node}, as root"), shell: super::parts::Shell::Sh, lines })
        .list(carried_files(desk))
        .time(desk.share(50))
}

/// A name as it can stand in an id.
fn plain(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c.to_ascii_lowercase() } else { '-' })
        .collect()
}

fn environment(desk: &Desk<'_>) -> Draft {
    let site = &desk.site;
    let own =
        [Some(site.database.host.clone()), site.shared_home().map(str::to_owned), Some(site.public_url())];
    let names: Vec<String> = own.into_iter().flatten().filter(|name| !name.is_empty()).collect();
    Draft::work("environment", "Set up a staging environment")
        .text(format!(
            "A host like {}, with the same operating system, the same Java and a database server of the same kind and \
             version. It must reach nothing of production: not {}, not the mail server, not linked applications.",
            site.host,
            names.join(", not ")
        ))
        .text(
            "A licence is not bound to a host: a developer licence, which the vendor gives to holders of a production \
             licence, is right for it.",
        )
}

fn copy(desk: &Desk<'_>) -> Draft {
    let site = &desk.site;
    let home = site.home();
    let settings = site.below(home, "confluence.cfg.xml");
    let mut items = vec![
        "Restore the newest dump of the database into a database of staging".to_owned(),
        match site.shared_home() {
            Some(shared) => format!("Copy {home} and {shared} from their backups"),
            None => format!("Copy {home} from its backup"),
        },
        format!("Copy {} from its backup, or install {} anew", site.program(), desk.running),
        format!(
            "In {settings} on staging, write the address, name and account of staging's database before the first start"
        ),
    ];
    if site.is_cluster() {
        items.push(format!(
            "In {settings} on staging, write another cluster name and other addresses, or the copy joins production's cluster"
        ));
    }
    items.push(
        "Start it without network to the mail server; then change the base URL, switch mail off, and switch off the \
         synchronisation of external directories and application links"
            .to_owned(),
    );
    Draft::work("copy", "Copy production to it")
        .list(items)
        .caution("Do not import an XML backup: it is no way to a new major version, and takes far longer than a dump.")
        .time(joined(desk.packing(site.size(Role::Home)), desk.half_of_database()))
}

fn begin(desk: &Desk<'_>) -> Draft {
    let plan = desk.judge.plan;
    let instance = sh(&desk.facts.instance);
    let target = &desk.target.version;
    let when = plan
        .starts_at
        .map_or_else(String::new, |at| format!(" at {} ({})", local(at, plan), zone_name(plan)));
    Draft::work("begin", "Decide whether to begin")
        .text(format!(
            "Begin{when} only when the agent says that nothing blocks, the newest backups are whole, and everybody who is \
             needed can be reached. Whoever decides writes it down here."
        ))
        .block(of_agent(
            &desk.site,
            vec![format!("agent refresh {instance}"), format!("agent gate {instance} --target {target} --max-age 1h")],
        ))
}

fn snapshot(desk: &Desk<'_>) -> Draft {
    let instance = &desk.facts.instance;
    Draft::work("snapshot", "Keep what the instance is now")
        .text("After the upgrade the agent compares with it: versions, apps, row counts, health checks, changed files.")
        .block(of_agent(
            &desk.site,
            vec![format!("agent snapshot {} --output {}", sh(instance), sh(&baseline(instance)))],
        ))
}

/// The file the snapshot before the upgrade goes into.
pub(super) fn baseline(instance: &str) -> String {
    format!("{instance}-before.json")
}

fn compatibility(desk: &Desk<'_>, leg: &Leg<'_>) -> Draft {
    Draft::work("compatibility", "Look once more whether the apps have versions")
        .text(format!(
            "{}/plugins/servlet/upm/check, for {}. What it says must be what the preparation says.",
            desk.site.public_url(),
            desk.target.version
        ))
        .when(leg.count > 1, || {
            format!("The apps are updated for {} only, at the last stop.", desk.target.version)
        })
}

fn update_before(desk: &Desk<'_>) -> Option<Draft> {
    let plugins = desk.facts.plugins().ok()?;
    let answers = plugins.for_target(&desk.target.version);
    let due: Vec<String> = plugins
        .user_installed()
        .map(|plugin| (plugin, outlook(desk, plugin, answers)))
        .filter(|(_, words)| words.ends_with("before the upgrade"))
        .map(|(plugin, words)| format!("{} {}: {words}", plugin.name, plugin.version))
        .collect();
    (!due.is_empty()).then(|| {
        Draft::work("update-before", "Update the apps that must be updated before")
            .text(format!(
                "At {}/plugins/servlet/upm, while {} still runs.",
                desk.site.public_url(),
                desk.running
            ))
            .list(due)
    })
}

fn scanners(desk: &Desk<'_>, leg: &Leg<'_>) -> Option<Draft> {
    let scanners = desk.facts.host().ok()?.scanners.value()?;
    if scanners.is_empty() {
        return None;
    }
    let names: Vec<String> =
        scanners.iter().map(|scanner| format!("{} (process {})", scanner.product, scanner.process)).collect();
    let when = if leg.production() { " until the verification has ended" } else { "" };
    Some(
        Draft::work("scanners", "Switch the virus scanner off")
            .text(format!(
                "It runs on {} and holds files open while they are replaced. Off{when}:",
                desk.site.host
            ))
            .list(names),
    )
}

fn sessions() -> Draft {
    Draft::looked_at("sessions", "See who else is connected to the database").text(
        "Other programs that use the database are stopped now: reports, backup jobs, a forgotten second node. What stays \
         connected can hold locks that the upgrade waits for.",
    )
}

fn stop_service(desk: &Desk<'_>) -> Draft {
    let site = &desk.site;
    let product = desk.facts.product;
    let draft = Draft::work("stop", format!("Stop {product}")).outage();
    let nodes = site.nodes();
    let draft = if site.is_cluster() {
        let names = if nodes.is_empty() { "every node".to_owned() } else { nodes.join(", ") };
        draft.text(format!(
            "Every node is stopped, one after the other, and the load balancer shows a page that says so: {names}."
        ))
    } else {
        draft
    };
    let draft = match site.proxy() {
        Some(proxy) if !site.is_cluster() => {
            draft.text(format!("Let the reverse proxy of {proxy} show a maintenance page first."))
        }
        Some(_) | None => draft,
    };
    draft.block(on_host(site, stop(site))).time(desk.share(10))
}

/// Backups of the very moment: database, home and installation belong together.
fn back_up(desk: &Desk<'_>, leg: &Leg<'_>) -> Vec<Draft> {
    let site = &desk.site;
    let before = leg.to.to_string();
    let mut drafts = Vec::new();
    let rolls = desk.method == Method::Rolling;
    let outage = |draft: Draft| if rolls { draft } else { draft.outage() };
    if site.database.engine.is_none_or(|engine| !engine.is_embedded()) {
        let file = backup_file(site, BackupKind::Database, &before);
        let draft = Draft::work("backup-database", "Back up the database")
            .text(format!(
                "Into {file}. The password is asked for; the second command shows that the dump can be read to its end."
            ))
            .when(rolls, || "The site stays up: the dump is of the moment at which it begins.".to_owned());
        let draft = match dump(site, &file) {
            Some(block) => draft.block(block),
            None => draft
                .text("Which kind of database it is could not be seen: dump it in the way of its vendor."),
        };
        drafts.push(outage(draft).time(desk.half_of_database()));
    }
    let home = backup_file(site, BackupKind::Home, &before);
    let shared = site.shared_home();
    let mut lines = pack(site, site.home(), &home);
    if let Some(shared) = shared {
        let name = format!(
            "{}-shared-home-before-{before}{}",
            desk.facts.instance,
            if site.windows { "" } else { ".tar.gz" }
        );
        lines.extend(pack(site, shared, &site.below(&site.backup_dir(BackupKind::Home), &name)));
    }
    let bytes =
        site.size(Role::Home).map(|home| home.saturating_add(site.size(Role::SharedHome).unwrap_or(0)));
    drafts.push(
        outage(
            Draft::work("backup-home", "Back up the home directory")
                .text(format!(
                    "The home is {}{}. Database and home must be of the same moment, or they do not fit together when they are \
                     restored.",
                    site.home(),
                    shared.map_or_else(String::new, |shared| format!(", and the nodes share {shared}"))
                ))
                .when(outside(desk), || {
                    "Attachments lie outside of the home: they are backed up by their own snapshot or copy.".to_owned()
                })
                .block(on_host(site, lines)),
        )
        .time(desk.packing(bytes)),
    );
    let installation = backup_file(site, BackupKind::Installation, &before);
    drafts.push(
        outage(
            Draft::work("backup-installation", "Back up the installation directory")
                .block(on_host(site, pack(site, site.program(), &installation))),
        )
        .time(desk.packing(site.size(Role::Installation))),
    );
    drafts
}

/// Whether attachments are kept outside of the home.
fn outside(desk: &Desk<'_>) -> bool {
    let site = &desk.site;
    let homes = [Some(site.home()), site.shared_home()];
    desk.facts
        .installation()
        .ok()
        .and_then(|installation| installation.attachments_dir.as_deref())
        .is_some_and(|attachments| !homes.into_iter().flatten().any(|home| attachments.starts_with(home)))
}

fn keep_files(desk: &Desk<'_>, leg: &Leg<'_>) -> Draft {
    let site = &desk.site;
    let kept = site.below(
        &site.backup_dir(BackupKind::Installation),
        &format!("{}-files-of-{}", desk.facts.instance, leg.from),
    );
    let mut paths: Vec<String> = carried(desk);
    if paths.is_empty() {
        paths = usual_files(desk);
    }
    let draft = Draft::work("keep-files", "Put the changed files aside")
        .outage()
        .text(format!("They are needed in a moment, when the new installation gets its settings: {kept}."));
    if site.windows {
        let lines = std::iter::once(format!("mkdir {}", word(site, &kept)))
            .chain(paths.iter().map(|path| format!("copy {} {}", word(site, path), word(site, &kept))))
            .collect();
        return draft.block(on_host(site, lines));
    }
    let list: Vec<String> = paths.iter().map(|path| sh(path)).collect();
    draft.block(on_host(
        site,
        vec![
            format!("mkdir --parents {}", sh(&kept)),
            format!("cp --parents --preserve=all {} {}", list.join(" "), sh(&kept)),
        ],
    ))
}

/// Files that were changed or added by hand, as the check on them names them.
fn carried(desk: &Desk<'_>) -> Vec<String> {
    let inside = |path: &str| path.starts_with(desk.site.program());
    desk.findings("customised-files")
        .iter()
        .map(|dated| &dated.finding)
        .filter(|finding| inside(&finding.subject) && !finding.summary.contains("removed"))
        .map(|finding| finding.subject.clone())
        .collect()
}

/// What is changed in nearly every installation, where nobody could compare it.
fn usual_files(desk: &Desk<'_>) -> Vec<String> {
    let site = &desk.site;
    let environment = if site.windows { "bin/setenv.bat" } else { "bin/setenv.sh" };
    ["conf/server.xml", environment, "confluence/WEB-INF/classes/confluence-init.properties"]
        .map(|path| site.below(site.program(), path))
        .into()
}

fn carried_files(desk: &Desk<'_>) -> Vec<String> {
    let findings = desk.findings("customised-files").iter().map(|dated| &dated.finding);
    findings.map(|finding| format!("{}: {}", finding.subject, finding.summary)).collect()
}

fn unpack_program(desk: &Desk<'_>, leg: &Leg<'_>) -> Vec<String> {
    let site = &desk.site;
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

fn install(desk: &Desk<'_>, leg: &Leg<'_>) -> Draft {
    let site = &desk.site;
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
            let init = site.below(site.program(), "confluence/WEB-INF/classes/confluence-init.properties");
            let mut lines = unpack_program(desk, leg);
            lines.push(if site.windows {
                format!("echo confluence.home={}>>{}", site.home().replace('\\', "/"), word(site, &init))
            } else {
                format!("echo {} >> {}", sh(&format!("confluence.home={}", site.home())), sh(&init))
            });
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

fn carry_over(desk: &Desk<'_>, leg: &Leg<'_>) -> Draft {
    let site = &desk.site;
    let kept = site.below(
        &site.backup_dir(BackupKind::Installation),
        &format!("{}-files-of-{}", desk.facts.instance, leg.from),
    );
    let files = carried_files(desk);
    let unseen = files.is_empty()
        && !desk
            .check("customised-files")
            .is_some_and(|check| check.findings.is_empty() && check.verdict == crate::model::Verdict::Ready);
    let heap = desk.facts.java().ok().and_then(|java| java.options.value()?.max_heap_bytes);
    let mut items = files;
    if items.is_empty() {
        items = usual_files(desk).into_iter().map(|path| format!("{path}: compare and carry over")).collect();
    }
    if let Some(heap) = heap {
        let name = if site.windows { "bin/setenv.bat" } else { "bin/setenv.sh" };
        items.push(format!(
            "{}: -Xmx{}m, as it is now; the new file comes with the vendor's own value",
            site.below(site.program(), name),
            heap >> 20
        ));
    }
    if let Some(connector) = site.connector() {
        let proxy = connector
            .proxy_name
            .as_ref()
            .map_or_else(String::new, |proxy| format!(", proxyName {proxy}, scheme {}", connector.scheme));
        items.push(format!(
            "{}: connector on port {}{proxy}{}",
            site.below(site.program(), "conf/server.xml"),
            connector.port,
            if desk.site.installation.context_path.is_empty() {
                String::new()
            } else {
                format!(", context path {}", site.installation.context_path)
            }
        ));
    }
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
        draft
    } else {
        let old = format!("{kept}{}", site.below(site.program(), "conf/server.xml"));
        draft.block(on_host(
            site,
            vec![format!(
                "diff --unified {} {}",
                sh(&old),
                sh(&site.below(site.program(), "conf/server.xml"))
            )],
        ))
    };
    draft.time(desk.share(10))
}

fn java(desk: &Desk<'_>, leg: &Leg<'_>) -> Option<Draft> {
    let site = &desk.site;
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
        (None, Some(runtime), _) => Some(
            Draft::work("java", "Name the Java")
                .outage()
                .text(format!("The service runs on {}. Name it as JRE_HOME in {script}, as before.", runtime.home)),
        ),
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

fn driver(desk: &Desk<'_>, leg: &Leg<'_>) -> Option<Draft> {
    let site = &desk.site;
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

fn windows_service(desk: &Desk<'_>) -> Option<Draft> {
    let site = &desk.site;
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

fn first_start(desk: &Desk<'_>, leg: &Leg<'_>) -> Draft {
    let site = &desk.site;
    let product = desk.facts.product;
    let lines = start(site).into_iter().chain([follow_log(site), ask_state(site)]).collect();
    let node = site
        .nodes()
        .first()
        .map(|node| format!(" Start it on {node} alone; the other nodes wait."))
        .unwrap_or_default();
    Draft::work("start", format!("Start {product} {}", leg.to))
        .outage()
        .text(format!(
            "The first start changes the database and the home, and takes as long as they are large.{}",
            if site.is_cluster() { node.as_str() } else { "" }
        ))
        .list(vec![
            "The log says \"Upgrade completed successfully\" when all upgrade tasks have ended".to_owned(),
            format!("The log says \"{product} is ready to serve\""),
            format!("{}/status answers {{\"state\":\"RUNNING\"}}", site.local_url()),
        ])
        .block(on_host(site, lines))
        .caution(format!(
            "Do not stop it while upgrade tasks run. When it stops by itself with an error, keep the log, and go to the way \
             back unless the error is understood and solved within the time set for it. {} stays down meanwhile.",
            site.public_url()
        ))
        .time(joined(desk.share(25), desk.half_of_database()))
}

fn synchrony(desk: &Desk<'_>) -> Option<Draft> {
    let site = &desk.site;
    match site.synchrony()? {
        Synchrony::Managed => None,
        Synchrony::Standalone { url } => {
            let jar = site.below(site.home(), "synchrony-standalone.jar");
            Some(
                Draft::work("synchrony", "Upgrade Synchrony")
                    .text(format!(
                        "Synchrony runs on its own, at {url}, and must be of the same release. Stop it on each of its nodes, copy \
                         {jar}, {} and the database driver from {} there, and start it again. Then open a page for editing in two \
                         browsers.",
                        site.below(site.program(), "bin/synchrony"),
                        site.below(site.program(), "confluence/WEB-INF/lib")
                    ))
                    .time(desk.share(10)),
            )
        }
    }
}

fn apps(desk: &Desk<'_>) -> Vec<Draft> {
    let Ok(plugins) = desk.facts.plugins() else {
        return vec![Draft::work("apps", "Update the apps").outage().text(format!(
            "Which apps there are could not be seen: {}/plugins/servlet/upm lists them.",
            desk.site.public_url()
        ))];
    };
    let answers = plugins.for_target(&desk.target.version);
    let all: Vec<_> = plugins.user_installed().collect();
    if all.is_empty() {
        return Vec::new();
    }
    let due: Vec<String> = all
        .iter()
        .map(|plugin| (plugin, outlook(desk, plugin, answers)))
        .filter(|(_, words)| words.starts_with("update"))
        .map(|(plugin, words)| format!("{} {}: {words}", plugin.name, plugin.version))
        .collect();
    let draft = Draft::work("apps", "Update the apps").outage().text(format!(
        "At {}/plugins/servlet/upm: update what has an update for {}, and see that each app that was enabled is enabled.",
        desk.site.public_url(),
        desk.target.version
    ));
    vec![draft.list(due).time(desk.share(10))]
}

fn stop_again(desk: &Desk<'_>) -> Draft {
    Draft::work("stop-again", format!("Stop {} once more", desk.facts.product))
        .outage()
        .optional()
        .text("Only to clear the caches of the apps in the next step.")
        .block(on_host(&desk.site, stop(&desk.site)))
        .time(desk.share(5))
}

fn clear_caches(desk: &Desk<'_>) -> Draft {
    let site = &desk.site;
    // The vendor's page names them: https://support.atlassian.com/confluence/kb/how-to-clear-the-apps-plugins-cache-in-confluence-data-center/
    let directories = ["bundled-plugins", "plugins-cache", "plugins-osgi-cache", "plugins-temp"]
        .map(|name| word(site, &site.below(site.home(), name)));
    let lines = if site.windows {
        directories.iter().map(|directory| format!("rmdir /s /q {directory}")).collect()
    } else {
        vec![format!("rm --recursive --force {}", directories.join(" "))]
    };
    Draft::work("clear-caches", "Clear the caches of the apps")
        .outage()
        .optional()
        .text(
            "Old copies of apps in them can keep old code alive. They are made anew at the next start; clear them only while \
             nothing runs, and on each node in its own home.",
        )
        .block(on_host(site, lines))
}

fn start_again(desk: &Desk<'_>) -> Draft {
    let site = &desk.site;
    Draft::work("start-again", format!("Start {} again", desk.facts.product))
        .outage()
        .optional()
        .block(on_host(site, start(site).into_iter().chain([ask_state(site)]).collect()))
        .time(desk.share(5))
}

fn search(desk: &Desk<'_>, leg: &Leg<'_>) -> Option<Draft> {
    let site = &desk.site;
    if leg.from.line() == leg.to.line() {
        return None;
    }
    let url = site.public_url();
    Some(match &site.installation.search {
        Search::OpenSearch => Draft::work("search", "See to the search index").text(format!(
            "The index is in OpenSearch. See that its cluster is well and of a version the release supports, and look at {url}/admin/search-indexes.action \
             whether the index is rebuilt."
        )),
        Search::Lucene { index_dir } => {
            let bytes = site.size(Role::Index);
            let rate = desk.policy().index_rebuild_mib_per_minute;
            let time = bytes.map(|bytes| {
                let minutes = bytes / (u64::from(rate.max(1)) << 20);
                let time = jiff::SignedDuration::from_mins(i64::try_from(minutes).unwrap_or(i64::MAX / 60));
                format!("About {} at {rate} MiB a minute (index_rebuild_mib_per_minute).", span(time))
            });
            Draft::work("search", "See to the search index").text(format!(
                "The index in {index_dir} may be rebuilt by itself a minute or two after the start; while that lasts, search is \
                 incomplete and the server is loaded. See it at {url}/admin/search-indexes.action, and start it there when search finds \
                 nothing. {}",
                time.unwrap_or_default()
            ))
        }
    })
}

fn other_nodes(desk: &Desk<'_>, leg: &Leg<'_>) -> Option<Draft> {
    let site = &desk.site;
    if !site.is_cluster() {
        return None;
    }
    let others: Vec<&str> = site.nodes().into_iter().skip(1).collect();
    let names = if others.is_empty() { "every other node".to_owned() } else { others.join(", then ") };
    Some(
        Draft::work("nodes", "Upgrade the other nodes")
            .text(format!(
                "When the first node runs {}: {names}. On each: install the same program, carry the same files over, put the same \
                 driver in, clear its caches, start it, and wait until the cluster shows it before the next. No node of {} may \
                 be started any more.",
                leg.to, leg.from
            ))
            .block(on_host(site, vec![ask_state(site)]))
            .time(desk.share(u32::try_from(others.len().max(1)).unwrap_or(1).saturating_mul(25))),
    )
}

fn look_at_stop(desk: &Desk<'_>, leg: &Leg<'_>) -> Draft {
    let site = &desk.site;
    Draft::work("look", format!("See that {} runs", leg.to))
        .outage()
        .list(vec![
            format!("{}/status answers RUNNING", site.local_url()),
            format!("An administrator can log in, and the foot of the page says {}", leg.to),
            "A page can be opened and saved".to_owned(),
            "The log has no error of the upgrade".to_owned(),
        ])
        .text("Users stay out: this is only a stop, and apps may not work on it.")
        .time(desk.share(5))
}

fn test(desk: &Desk<'_>, leg: &Leg<'_>) -> Draft {
    let site = &desk.site;
    let product = desk.facts.product;
    let mut items = vec![
        format!("The foot of the page says {product} {}", leg.to),
        "Log in as an administrator, as a user of each directory, and by single sign-on where there is one"
            .to_owned(),
        "Open, edit and save a page; upload an attachment and open an old one; search for both".to_owned(),
    ];
    if let Ok(plugins) = desk.facts.plugins() {
        items.extend(
            plugins
                .user_installed()
                .filter(|plugin| plugin.enabled)
                .map(|plugin| format!("App {}: use it on a page that needs it", plugin.name)),
        );
    }
    for dated in desk.findings("customised-layouts") {
        items.push(format!("{} ({})", dated.finding.summary, dated.finding.subject));
    }
    if let Some(proxy) = site.proxy() {
        items.push(format!("Through the proxy: {} opens, links in mails begin with it, uploads of large files work ({proxy})", site.public_url()));
    }
    if site.synchrony().is_some() {
        items.push("Edit one page in two browsers at the same time".to_owned());
    }
    let title = if leg.production() {
        "Test what matters before users come back"
    } else {
        "Test apps, customisations and proxy, and let users accept it"
    };
    Draft::work("test", title)
        .when(leg.production(), || "The short list; the long one was done on staging.".to_owned())
        .list(items)
        .time(leg.production().then(|| desk.share(10)))
}

fn companion() -> Draft {
    Draft::work("companion", "See whether there is a newer Companion app").optional().text(
        "Where the Atlassian Companion app is rolled out to the desks by administrators, see on its release notes whether the \
         new release wants a newer one.",
    )
}

fn rehearsed(desk: &Desk<'_>) -> Draft {
    Draft::looked_at("rehearsal", "See that the agent knows of the rehearsal").text(format!(
        "When {} runs on staging, the agent that watches it tells this one; the open points below then close by themselves.",
        desk.target.version
    ))
}

/// A change below a release, in an outage of its own.
fn changed(desk: &Desk<'_>, release: &ProductVersion, change: &Change) -> Draft {
    let site = &desk.site;
    let product = desk.facts.product;
    let Change { part, from, to } = change;
    let round = |text: String| {
        let lines: Vec<String> = stop(site);
        let again = start(site).into_iter().chain([ask_state(site)]).collect();
        move |draft: Draft| draft.block(on_host(site, lines)).text(text).block(on_host(site, again))
    };
    match part {
        Part::Java => {
            let script =
                site.below(site.program(), if site.windows { "bin/setenv.bat" } else { "bin/setenv.sh" });
            let text = format!(
                "Install Java {to} beside Java {from}, name its home as JRE_HOME in {script}, and import your own certificates \
                 into its cacerts."
            );
            round(text)(
                Draft::work("change-java", format!("Change Java {from} to {to} below {release}")).outage(),
            )
        }
        Part::Database(engine) => {
            let text = format!(
                "Back the database up, then upgrade the server at {}:{} in the way of its vendor, and have it gather statistics \
                 anew before {product} starts.",
                site.database.host, site.database.port
            );
            let title = format!("Upgrade {} {from} to {to} below {release}", engine.name());
            round(text)(Draft::work("change-database", title).outage().time(desk.half_of_database()))
        }
        Part::Driver(engine) => {
            let text = format!(
                "Replace the jar of version {from} in {} by one of version {to}; only one may be there.",
                site.below(site.program(), "confluence/WEB-INF/lib")
            );
            let title = format!("Change the driver of {} below {release}", engine.name());
            round(text)(Draft::work("change-driver", title).outage())
        }
        Part::OperatingSystem => {
            let text =
                format!("Upgrade {} from {from} to {to}, or move the instance to a host with it.", site.host);
            round(text)(
                Draft::work("change-system", format!("Upgrade the operating system below {release}"))
                    .outage(),
            )
        }
        Part::Connection => {
            let place = site.below(site.home(), "confluence.cfg.xml");
            let text = format!(
                "In {place}, replace hibernate.connection.datasource by hibernate.connection.url, .username, .password and \
                 .driver_class with the values that stand in {}.",
                site.below(site.program(), "conf/server.xml")
            );
            round(text)(
                Draft::work("change-connection", format!("Connect {release} to its database directly"))
                    .outage(),
            )
        }
    }
}

fn joined(one: impl Into<Option<Estimate>>, other: impl Into<Option<Estimate>>) -> Option<Estimate> {
    match (one.into(), other.into()) {
        (Some(one), Some(other)) => Some(Estimate {
            time: one.time.saturating_add(other.time),
            ground: format!("{} {}, and {}", span(one.time), one.ground, other.ground),
        }),
        (one, other) => one.or(other),
    }
}

impl Desk<'_> {
    /// The releases whose programs are needed.
    pub(super) fn stops(&self) -> Vec<&ProductVersion> {
        match self.way {
            Ok(way) => way.stops.iter().map(|stop| &stop.version).collect(),
            Err(_) => vec![&self.target.version],
        }
    }

    /// The file name of a program, as the vendor calls it.
    pub(super) fn package(&self, version: &ProductVersion) -> String {
        let ending = match (self.method, self.site.windows) {
            (Method::Installer, true) => "-x64.exe",
            (Method::Installer, false) => "-x64.bin",
            (Method::Archive | Method::Rolling, true) => ".zip",
            (Method::Archive | Method::Rolling, false) => ".tar.gz",
        };
        format!("atlassian-confluence-{version}{ending}")
    }
}
