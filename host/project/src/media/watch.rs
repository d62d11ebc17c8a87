use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use skiff_flash::Watch;
use skiff_report::Cancel;
use skiff_report::Reporter;
use skiff_report::Task;
use skiff_report::Unit;

use crate::console::Console;

/// Shows what goes on with a medium as tasks, and listens to Ctrl-C.
pub struct TaskWatch {
    reporter: Arc<dyn Reporter>,
    cancel: Cancel,
    task: Mutex<Option<Task>>,
}

impl TaskWatch {
    /// Shows tasks where the console shows them.
    pub fn new(console: &Console) -> Self {
        Self { reporter: Arc::clone(&console.reporter), cancel: console.cancel.clone(), task: Mutex::new(None) }
    }
}

impl Watch for TaskWatch {
    fn begin(&self, what: &str, total: u64) {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        // The last one ends before the next begins.
        *task = None;
        *task = Some(Task::start(&self.reporter, what, Unit::Bytes, Some(total)));
    }

    fn advance(&self, bytes: u64) {
        if let Some(task) = &*self.task.lock().unwrap_or_else(PoisonError::into_inner) {
            task.advance(bytes);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }
}
