//! A lock-free stack from which everything is taken at once (Treiber 1986;
//! without single pops it has no ABA problem).

use crate::sync::{AtomicPtr, Ordering, const_outside_models};
use core::ptr;

/// The stack.
pub struct Stack<T> {
    head: AtomicPtr<Node<T>>,
}

struct Node<T> {
    value: T,
    next: *mut Node<T>,
}

// SAFETY: the stack owns its values and only moves them.
unsafe impl<T: Send> Send for Stack<T> {}
// SAFETY: shared access moves values in and out, it never shares them.
unsafe impl<T: Send> Sync for Stack<T> {}

impl<T> Stack<T> {
    const_outside_models! {
        /// An empty stack.
        pub fn new() -> Self {
            Self { head: AtomicPtr::new(ptr::null_mut()) }
        }
    }

    /// Whether the stack is empty, or was a moment ago.
    #[inline]
    pub fn is_empty(&self) -> bool {
        // Relaxed: nothing is read through it.
        self.head.load(Ordering::Relaxed).is_null()
    }

    /// Adds a value.
    pub fn push(&self, value: T) {
        let node = Box::into_raw(Box::new(Node { value, next: ptr::null_mut() }));
        // Relaxed: only the expectation of the exchange.
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            // SAFETY: the node is not shared yet.
            unsafe { (*node).next = head };
            // Release: publishes the node to `take_all`. Relaxed on failure.
            match self.head.compare_exchange(head, node, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    /// Takes all values.
    pub fn take_all(&self) -> Vec<T> {
        // Acquire: pairs with `push`, and through the release sequence with all
        // pushes below it.
        let mut head = self.head.swap(ptr::null_mut(), Ordering::Acquire);
        let mut values = Vec::new();
        while !head.is_null() {
            // SAFETY: made by `push`, and taken out of the stack by this thread alone.
            let node = unsafe { Box::from_raw(head) };
            values.push(node.value);
            head = node.next;
        }
        values
    }
}

impl<T> Drop for Stack<T> {
    fn drop(&mut self) {
        self.take_all();
    }
}
