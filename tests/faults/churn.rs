//! The configuration changes all the time, while somebody scrapes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::Signal;

use crate::chance::{Chance, rounds};
use crate::house::House;
use crate::vitals::Vitals;

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_changes_all_the_time_leaves_nothing_behind() {
    let house = Arc::new(House::new(1));
    let mut agent = house.start().await;
    let stop = Arc::new(AtomicBool::new(false));
    let scraping = tokio::spawn({
        let (house, stop) = (house.clone(), stop.clone());
        async move {
            let mut scrapes = 0_usize;
            while !stop.load(Ordering::Relaxed) {
                for path in ["/metrics", "/", "/api/v1/status"] {
                    let (code, text) = house.get(path).await;
                    assert_eq!(code, 200, "{path}: {text}");
                    scrapes += 1;
                }
            }
            scrapes
        }
    });
    let mut chance = Chance::new(0x6368_7572);
    let count = rounds(30);
    let mut reload = async |turns: usize| {
        for _ in 0..turns {
            let instances: String = (0..=chance.below(4))
                .map(|index| {
                    let target = ["9.2.10", "8.5.27", "10.2.3"][usize::try_from(chance.below(3)).unwrap()];
                    house.instance(&format!("wiki-{index}"), target)
                })
                .collect();
            house.configure("1s", &instances);
            let (code, text) = house.post("/-/reload").await;
            assert_eq!(code, 200, "{text}");
        }
        // The same configuration at every measurement.
        house.configure("1h", &house.instance("wiki", "9.2.10"));
        assert_eq!(house.post("/-/reload").await.0, 200);
        house.post("/-/refresh").await;
    };
    reload(count / 3).await;
    let early = Vitals::of(agent.0.id());
    reload(count - count / 3).await;
    let late = Vitals::of(agent.0.id());
    stop.store(true, Ordering::Relaxed);
    let scrapes = scraping.await.unwrap();
    assert!(scrapes > count / 2, "{scrapes} scrapes in {count} reloads");
    assert!(late.descriptors <= early.descriptors + 8, "{early:?} {late:?}");
    assert!(late.threads <= early.threads + 8, "{early:?} {late:?}");
    assert!(late.resident_kib <= early.resident_kib + early.resident_kib / 5 + 4096, "{early:?} {late:?}");
    let instances = house.status().await["instances"].as_array().unwrap().len();
    assert_eq!(instances, 1);
    agent.signal(Signal::TERM);
    assert_eq!(agent.wait(), Some(0));
    assert!(!house.log().contains("panicked"), "{}", house.log());
}
