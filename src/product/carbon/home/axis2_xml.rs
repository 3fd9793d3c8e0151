//! `repository/conf/axis2/axis2.xml`: whether a server looks for other members of a cluster.

use std::path::Path;

use roxmltree::Node;
use upgrade_readiness_checks::facts::Clustering;

use super::carbon_xml::truth;
use super::elements::{child, text_below};
use super::error::HomeError;
use crate::collect::xml::{read_xml, text_of};

/// Below the home.
const FILE: &str = "repository/conf/axis2/axis2.xml";
/// No cluster names more members.
const MOST: usize = 200;

/// Reads whether it looks for other members.
pub(super) fn read_clustering(home: &Path) -> Result<Clustering, HomeError> {
    let path = home.join(FILE);
    read_xml(&path, "axisconfig", |root| take(&path, root))?
}

fn take(path: &Path, root: Node<'_, '_>) -> Result<Clustering, HomeError> {
    let place = path.display().to_string();
    let Some(node) = child(root, "clustering") else {
        return Ok(Clustering {
            place,
            enabled: false,
            scheme: None,
            domain: None,
            local_member: None,
            members: Vec::new(),
        });
    };
    let enabled = node.attribute("enable").map_or(Some(false), truth).ok_or_else(|| HomeError::Unfit {
        path: path.to_owned(),
        complaint:
            "has a clustering element that is switched neither on nor off, but by a variable or a mistake"
                .to_owned(),
    })?;
    let parameter = |name: &str| {
        let mut all = node.children().filter(|child| child.has_tag_name("parameter"));
        let found = all.find(|child| child.attribute("name") == Some(name))?;
        Some(text_of(found).trim().to_owned()).filter(|text| !text.is_empty())
    };
    let members = child(node, "members").into_iter().flat_map(|node| node.children());
    let address = |host: Option<String>, port: Option<String>| {
        host.map(|host| port.map_or_else(|| host.clone(), |port| format!("{host}:{port}")))
    };
    Ok(Clustering {
        place,
        enabled,
        scheme: parameter("membershipScheme"),
        domain: parameter("domain"),
        local_member: address(parameter("localMemberHost"), parameter("localMemberPort")),
        members: members
            .filter(|node| node.has_tag_name("member"))
            .filter_map(|node| address(text_below(node, "hostName"), text_below(node, "port")))
            .take(MOST)
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::carbon::fixture::Example;

    fn read(clustering: &str) -> Result<Clustering, HomeError> {
        let example = Example::new().lay_out();
        example.write(
            "repository/conf/axis2/axis2.xml",
            &format!("<axisconfig name=\"AxisJava2.0\">{clustering}</axisconfig>"),
        );
        read_clustering(&example.home())
    }

    #[test]
    fn members_and_domain_are_told() {
        let on = read(
            "<clustering class=\"x.HazelcastClusteringAgent\" enable=\"true\">\
             <parameter name=\"membershipScheme\">wka</parameter><parameter name=\"domain\">wso2.esb</parameter>\
             <parameter name=\"localMemberHost\">10.0.0.7</parameter><parameter name=\"localMemberPort\">4000</parameter>\
             <members><member><hostName>10.0.0.8</hostName><port>4001</port></member>\
             <!-- <member><hostName>10.0.0.9</hostName></member> --></members></clustering>",
        )
        .unwrap();
        assert!(on.enabled);
        assert_eq!((on.scheme.as_deref(), on.domain.as_deref()), (Some("wka"), Some("wso2.esb")));
        assert_eq!(
            (on.local_member.as_deref(), on.members),
            (Some("10.0.0.7:4000"), vec!["10.0.0.8:4001".to_owned()])
        );
    }

    #[test]
    fn what_is_not_switched_on_is_off_and_what_is_unclear_is_not_told() {
        assert!(!read("").unwrap().enabled);
        assert!(!read("<clustering/>").unwrap().enabled);
        assert!(!read("<clustering enable=\"FALSE\"/>").unwrap().enabled);
        assert!(read("<clustering enable=\"${cluster}\"/>").is_err());
        assert!(read("<clustering enable=\"true\">").is_err(), "truncated");
    }
}
