use super::Debug;

#[test]
fn it_keeps_the_house_rules() {
    pipeline::testing::contract::<Debug>();
}
