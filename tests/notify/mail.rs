//! A real mail server, which wants STARTTLS and a password, gets the mail.

use std::fs;
use std::path::Path;

use super::house::House;
use super::process::{Running, command, eventually, free_port};

/// Debian's aiosmtpd as a mail server that writes each mail into a file.
const SERVER: &str = r#"
import asyncio, itertools, ssl, sys
from aiosmtpd.controller import UnthreadedController
from aiosmtpd.smtp import AuthResult

directory, port = sys.argv[1], int(sys.argv[2])
number = itertools.count()

class Keep:
    async def handle_DATA(self, server, session, envelope):
        with open(f"{directory}/{next(number)}.part", "wb") as file:
            file.write(envelope.content)
        import os
        os.rename(file.name, file.name.replace(".part", ".eml"))
        return "250 kept"

def authenticate(server, session, envelope, mechanism, data):
    good = data.login == b"agent" and data.password == b"zq9Xplanted-mail"
    return AuthResult(success=good, handled=False, message=None if good else "535 no")

context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(f"{directory}/server.pem", f"{directory}/server.key")
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
controller = UnthreadedController(
    Keep(), hostname="127.0.0.1", port=port, loop=loop, tls_context=context, require_starttls=True,
    auth_required=True, authenticator=authenticate, auth_require_tls=True)
controller.begin()
print("ready", flush=True)
loop.run_forever()
"#;

/// A certificate of an authority, and one for `localhost` that it signed.
pub(crate) fn certificates(dir: &Path) {
    let authority = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&authority).unwrap();
    fs::write(dir.join("ca.pem"), certificate.pem()).unwrap();
    let issuer = rcgen::Issuer::new(params, authority);
    let key = rcgen::KeyPair::generate().unwrap();
    let server = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    fs::write(dir.join("server.pem"), server.signed_by(&key, &issuer).unwrap().pem()).unwrap();
    fs::write(dir.join("server.key"), key.serialize_pem()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_wants_a_secure_connection_gets_the_mail() {
    let port = free_port();
    let house = House::new(&format!(
        "[[channel]]\nname = \"mail\"\nkind = \"mail\"\nsmtp = \"localhost:{port}\"\nfrom = \"Agent <agent@example.com>\"\n\
         to = [\"ops@example.com\", \"Wiki <wiki@example.com>\"]\nusername = \"agent\"\npassword_file = \"PLACE/password\"\n\
         ca_file = \"PLACE/ca.pem\"\non = [\"blocked\"]\nhold = \"0s\"\ngroup_wait = \"0s\"\ngroup_interval = \"0s\"\n"
    ));
    let place = house.dir.path().display().to_string();
    fs::write(house.path("agent.toml"), house.read("agent.toml").replace("PLACE", &place)).unwrap();
    certificates(house.dir.path());
    fs::write(house.path("server.py"), SERVER).unwrap();
    fs::write(house.path("password"), "wrong\n").unwrap();
    // Debian's own interpreter has Debian's packages.
    let mut program = command("/usr/bin/python3");
    program.arg(house.path("server.py")).arg(house.dir.path()).arg(port.to_string());
    let _server = Running::start(&mut program, &house.path("smtp.out"), &house.path("smtp.err"));
    eventually("the mail server is ready", async || house.read("smtp.out").contains("ready")).await;

    let (code, told) = house.told(&["notify", "test", "mail"]);
    assert!(code == 3 && told.contains("answered 535") && told.contains("Check username"), "{told}");
    fs::write(house.path("password"), "zq9Xplanted-mail\n").unwrap();
    let (code, told) = house.told(&["notify", "test", "mail"]);
    assert!(code == 0 && told.contains("taken; answered 250") && told.contains("kept"), "{told}");
    assert!(house.read("0.eml").contains("A test of the upgrade readiness agent"));

    // Without the authority nobody is believed to be the mail server.
    let config = house.read("agent.toml");
    let distrusting = config.replace(&format!("ca_file = \"{place}/ca.pem\"\n"), "");
    fs::write(house.path("agent.toml"), distrusting).unwrap();
    let (code, told) = house.told(&["notify", "test", "mail"]);
    assert!(code == 3 && told.contains("ca_file"), "{told}");
    fs::write(house.path("agent.toml"), config).unwrap();

    let _daemon = house.start().await;
    eventually("the channel has begun", async || !house.told(&["notify", "list"]).1.contains("not judged"))
        .await;
    house.open_gate(false);
    house.refresh().await;
    // Something else blocks from the beginning on, and may have a mail of its own.
    let about_gate = || {
        let there = (1..9).filter(|number| house.path(&format!("{number}.eml")).exists());
        let mut mails = there.map(|number| house.read(&format!("{number}.eml")));
        mails.find(|mail| mail.contains("gate"))
    };
    eventually("the mail is there", async || about_gate().is_some()).await;
    let mail = about_gate().unwrap().replace("\r\n", "\n");
    let (head, body) = mail.split_once("\n\n").unwrap();
    for line in
        ["From: Agent <agent@example.com>", "Auto-Submitted: auto-generated", "Message-ID: <", "List-Id: "]
    {
        assert!(head.lines().any(|known| known.starts_with(line)), "{line} in {head}");
    }
    assert!(body.contains("gate") && body.contains("9.2.10"), "{body}");
}
