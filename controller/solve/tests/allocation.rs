//! A solve takes no memory. Alone in its file: the counter sees every thread.
#![allow(clippy::unwrap_used, reason = "a test may fail")]
#![allow(unsafe_code)]

mod common;

use common::{Kind, random};
use headroom_solve::{Settings, Shape, Solver, Start, Status};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

static CALLS: AtomicU64 = AtomicU64::new(0);

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call goes to the system's allocator unchanged; the counter touches no memory of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[test]
fn no_solve_allocates() {
    let shape = Shape::invariant(16, 6, 6, 60);
    let mut problem = random(Kind { shape, stress: 2.0, bounded: 1.0 }, 1);
    let mut solver = Solver::new(shape).unwrap();
    let x = vec![0.5; shape.states];
    let mut all = Vec::with_capacity(8);
    let before = CALLS.load(Relaxed);
    for start in [Start::Cold, Start::Shifted, Start::Last, Start::Cold] {
        problem.set_start(&x, &[0.1; 6]).unwrap();
        problem.stage_mut(3).c[2] = 0.4;
        all.push(solver.solve(&problem, &Settings { start, ..Settings::default() }).unwrap().status);
    }
    let calls = CALLS.load(Relaxed) - before;
    assert_eq!(calls, 0);
    assert!(all.iter().all(|status| *status == Status::Solved), "{all:?}");
    assert!(problem.bytes() + solver.bytes() < 1 << 20, "{} + {}", problem.bytes(), solver.bytes());
}
