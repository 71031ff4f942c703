use super::*;

#[test]
fn what_is_typed_is_what_the_page_is_asked() {
    let setpoint =
        |to: &str| What::Setpoint { actuator: "CDU-01/supply sp".to_owned(), to: to.to_owned() }.query();
    assert_eq!(setpoint("32.5"), "setpoint=CDU-01/supply%20sp&value=32.5");
    assert_eq!(setpoint("+2"), "setpoint=CDU-01/supply%20sp&by=2");
    assert_eq!(setpoint("-1.5"), "setpoint=CDU-01/supply%20sp&by=-1.5");
    let lose = What::LosePump { equipment: "CDU-01".to_owned(), pumps: 3 };
    assert_eq!(lose.query(), "lose-pump=CDU-01&pumps=3");
    let cut = |branch: Option<&str>| What::Cut { percent: 20.0, branch: branch.map(str::to_owned) }.query();
    assert_eq!((cut(None), cut(Some("feed A"))), ("cut=20".to_owned(), "cut=20&branch=feed%20A".to_owned()));
}
