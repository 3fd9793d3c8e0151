//! Before anything is stopped: staging, the decision, what is kept for the comparison, apps and scanners.

use super::{Leg, joined};
use crate::facts::Role;
use crate::plan::book::confluence::preparation::outlook;
use crate::plan::book::desk::{Desk, Draft};

pub(super) fn environment(desk: &Desk<'_>) -> Draft {
    let production = desk.production;
    let own = [
        Some(production.database.host.clone()),
        production.shared_home().map(str::to_owned),
        Some(production.public_url()),
    ];
    let names: Vec<String> = own.into_iter().flatten().filter(|name| !name.is_empty()).collect();
    Draft::work("environment", "Set up a staging environment")
        .text(format!(
            "A host like {}, with the same operating system, the same Java and a database server of the same kind and \
             version. It must reach nothing of production: not {}, not the mail server, not linked applications.",
            production.host,
            names.join(", not ")
        ))
        .text(
            "A licence is not bound to a host: a developer licence, which the vendor gives to holders of a production \
             licence, is right for it.",
        )
}

pub(super) fn copy(desk: &Desk<'_>) -> Draft {
    let (site, production) = (desk.site, desk.production);
    let settings = site.below(site.home(), "confluence.cfg.xml");
    let scripts = site.below(site.program(), if site.windows { "bin/setenv.bat" } else { "bin/setenv.sh" });
    let mut items = vec![
        format!("Restore the newest dump of {} into {}", production.database.name, site.database_words()),
        match production.shared_home() {
            Some(shared) => format!("Copy {} and {shared} from their backups", production.home()),
            None => format!("Copy {} from its backup", production.home()),
        },
        format!("Copy {} from its backup, or install {} anew", production.program(), desk.running),
        format!(
            "In {settings} there, write the address, name and account of staging's database before the first start"
        ),
    ];
    if site.is_cluster() {
        items.push(format!(
            "In {settings} there, write another cluster name and other addresses, or the copy joins production's cluster"
        ));
    }
    items.push(format!(
        "In {scripts} there, add -Datlassian.mail.senddisabled=true and -Datlassian.mail.fetchdisabled=true, or the copy sends \
         mail to production's users"
    ));
    items.push(
        "Start it; then change the base URL, and switch off the synchronisation of external directories, application links and \
         scheduled jobs that reach outside"
            .to_owned(),
    );
    Draft::work("copy", "Copy production to it")
        .list(items)
        .caution("Do not import an XML backup: it is no way to a new major version, and takes far longer than a dump.")
        .time(joined(desk.packing(production.size(Role::Home)), desk.half_of_database()))
}

pub(super) fn compatibility(desk: &Desk<'_>, leg: &Leg<'_>) -> Draft {
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

pub(super) fn update_before(desk: &Desk<'_>) -> Option<Draft> {
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
