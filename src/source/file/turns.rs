//! Several threads that read, one recorder, and the order of the inputs.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use flowfence_capture::Recorder;

/// A recorder that inputs are put into in their order, whoever has read them and when.
pub struct Turns<'r> {
    state: Mutex<State<'r>>,
    moved: Condvar,
}

struct State<'r> {
    /// The number of the input whose turn it is.
    turn: usize,
    recorder: &'r mut Recorder,
}

/// The turn of an input. It comes to its end in any case, or all others would wait.
pub struct Turn<'t, 'r> {
    turns: &'t Turns<'r>,
    input: usize,
    is_over: bool,
}

impl<'r> Turns<'r> {
    /// Before the first input.
    pub fn new(recorder: &'r mut Recorder) -> Self {
        Turns { state: Mutex::new(State { turn: 0, recorder }), moved: Condvar::new() }
    }

    /// The turn of an input, each claimed once.
    pub fn claim(&self, input: usize) -> Turn<'_, 'r> {
        Turn { turns: self, input, is_over: false }
    }
}

impl<'r> Turn<'_, 'r> {
    /// Waits for it, and works on the recorder while it lasts.
    pub fn take<T>(mut self, work: impl FnOnce(&mut Recorder) -> T) -> T {
        let done = work(self.wait().recorder);
        self.pass();
        self.is_over = true;
        done
    }

    fn wait(&self) -> MutexGuard<'_, State<'r>> {
        // Who broke down while it worked has put in less, and nothing wrong.
        let state = self.turns.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_early = |state: &mut State<'r>| state.turn < self.input;
        self.turns.moved.wait_while(state, is_early).unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends it, once it has come.
    fn pass(&self) {
        self.wait().turn = self.input + 1;
        self.turns.moved.notify_all();
    }
}

impl Drop for Turn<'_, '_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.pass();
        }
    }
}

#[cfg(test)]
mod tests {
    use flowfence_capture::Limits;

    use super::*;

    fn files(recorder: Recorder) -> Vec<String> {
        recorder.finish().files.into_iter().map(|file| file.name).collect()
    }

    #[test]
    fn the_order_is_that_of_the_inputs_and_not_of_the_threads() {
        let mut recorder = Recorder::new(Limits::default());
        let turns = Turns::new(&mut recorder);
        std::thread::scope(|scope| {
            for input in (0..8).rev() {
                let turn = turns.claim(input);
                scope.spawn(move || turn.take(|recorder| recorder.begin_input(&input.to_string())));
            }
        });
        assert_eq!(files(recorder), ["0", "1", "2", "3", "4", "5", "6", "7"]);
    }

    #[test]
    fn one_that_breaks_down_before_its_turn_keeps_nobody_waiting() {
        let mut recorder = Recorder::new(Limits::default());
        let turns = Turns::new(&mut recorder);
        std::thread::scope(|scope| {
            let (first, broken, last) = (turns.claim(0), turns.claim(1), turns.claim(2));
            let waiting = scope.spawn(move || last.take(|recorder| recorder.begin_input("last")));
            let breaking = scope.spawn(move || {
                let _turn = broken;
                std::panic::resume_unwind(Box::new(()));
            });
            first.take(|recorder| recorder.begin_input("first"));
            breaking.join().unwrap_err();
            waiting.join().unwrap();
        });
        assert_eq!(files(recorder), ["first", "last"]);
    }
}
