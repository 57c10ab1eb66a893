"""Jobs that NanoGPT may already have charged: their audio is fetched, not bought again."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
import time
from typing import Any, Final

from ..errors import ConnectionLostError
from .responses import JobTicket

MAX_JOBS: Final = 64
MAX_JOB_AGE_S: Final = 600.0
"""Maximum age of the jobs kept for identical requests."""


@dataclass(frozen=True, slots=True)
class DirectAudio:
    """Audio in the response to a submission, for one request only. Closing the stack ends the response."""

    head: bytes
    """Start of the audio, already read from `data`."""
    data: AsyncGenerator[bytes]
    content_type: str
    stack: AsyncExitStack


type SubmissionTask = asyncio.Task[JobTicket | str | None]
"""Submission of a text; its result is None if the audio arrived in the response."""
type Submit = Callable[[], Coroutine[Any, Any, JobTicket | str | DirectAudio]]
"""Function that submits a text, and returns a ticket, the link to the audio, or the audio."""
type Poll = Callable[[JobTicket], Coroutine[Any, Any, str]]
"""Function that polls a job until it is done, and returns the link to its audio."""


class Job:
    """The synthesis of a text, shared by identical requests.

    A job consists of two tasks. The submission runs once and is never canceled, because it may have been charged.
    Polling stops when no request uses the job, and starts again with the next request.
    """

    def __init__(self, key: str) -> None:
        """Initialize a job; `key` is the same for identical requests."""
        self.key = key
        self.submitted_at = time.monotonic()
        self.users = 0
        """Number of requests that wait for the audio or receive it."""
        self.is_refunded = False
        """Whether the refund of the failed job was recorded."""
        self._submission: SubmissionTask | None = None
        self._previous_submission: SubmissionTask | None = None
        """Submission of the same text by a previous provider of the account."""
        self._polling: asyncio.Task[str] | None = None
        self._link: str | None = None
        self._direct_audio: DirectAudio | None = None

    @property
    def age(self) -> float:
        """Age in seconds."""
        return time.monotonic() - self.submitted_at

    @property
    def pending_submission(self) -> SubmissionTask | None:
        """The submission while it is in progress: it may be charged before its result is known."""
        return self._submission if self._submission and not self._submission.done() else None

    @property
    def is_reusable(self) -> bool:
        """Whether another request can use the job: its submission is in progress or led to a ticket or link."""
        has_no_result = self._submission is not None and self._submission.done() and not _result_of(self._submission)
        return not has_no_result and self.age <= MAX_JOB_AGE_S

    def transferred(self) -> Job:
        """Return the job for another provider of the account, which uses other HTTP sessions.

        A submission in progress is completed over the current sessions.
        """
        job = Job(self.key)
        job.submitted_at, job.is_refunded, job._link = self.submitted_at, self.is_refunded, self._link
        job._previous_submission = self._submission or self._previous_submission
        return job

    @asynccontextmanager
    async def in_use(self) -> AsyncGenerator[None]:
        """Count a request as a user of the job within the context; polling stops after the last user."""
        self.users += 1
        try:
            yield
        finally:
            self.users -= 1
            await self._stop_if_unused()

    async def fetch(self, submit: Submit, poll: Poll) -> str | DirectAudio | None:
        """Return the link to the audio, the audio itself, or None if another request received the audio.

        The job must be in use. Canceling a request does not stop the submission. Polling continues while another
        request waits. Raises SpeechError.
        """
        if self._link is None:
            self._submission = self._submission or _start_task(self._submit(submit))
            result = await _wait_for(self._submission)
            if result is None:
                return self._take_direct_audio()
            if isinstance(result, JobTicket):
                if self._polling is None or self._polling.done():
                    self._polling = _start_task(poll(result))
                result = await _wait_for(self._polling)
            self._link = result
        return self._link

    async def _submit(self, submit: Submit) -> JobTicket | str | None:
        """Submit the text, unless a previous provider's submission led to a ticket or link."""
        if self._previous_submission:
            await asyncio.wait([self._previous_submission])
            if shared := _result_of(self._previous_submission):
                return shared
        result = await submit()
        if not isinstance(result, DirectAudio):
            return result
        self._direct_audio = result
        await self._stop_if_unused()
        return None

    def _take_direct_audio(self) -> DirectAudio | None:
        audio, self._direct_audio = self._direct_audio, None
        return audio

    def stop_polling(self) -> None:
        """Stop polling; requests that wait for the job fail."""
        if self._polling and not self._polling.done():
            self._polling.cancel()
            self._polling = None

    async def _stop_if_unused(self) -> None:
        """Stop polling and close audio that no request has received, if no request uses the job."""
        if self.users:
            return
        self.stop_polling()
        if audio := self._take_direct_audio():
            await audio.stack.aclose()


def _start_task[T](work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Return a task whose exception is not logged if no request waits for the task anymore."""
    task = asyncio.create_task(work, name="orator NanoGPT job")
    task.add_done_callback(lambda done: None if done.cancelled() else done.exception())
    return task


async def _wait_for[T](task: asyncio.Task[T]) -> T:
    """Return the result of a task; canceling the caller does not cancel the task.

    Unlike `asyncio.shield`, this function does not log exceptions of tasks whose caller was canceled.
    """
    await asyncio.wait([task])
    if task.cancelled():
        raise ConnectionLostError
    return task.result()


def _result_of[T](task: asyncio.Task[T]) -> T | None:
    """Return the result of a task that is done, or None if the task failed or was canceled."""
    return None if task.cancelled() or task.exception() else task.result()


class JobRegistry:
    """Registry of jobs whose audio has not been played to the end, by the key of their requests."""

    def __init__(self) -> None:
        """Initialize an empty registry."""
        self._jobs: dict[str, Job] = {}

    def join(self, key: str) -> Job:
        """Return the job of an identical request, or a new one."""
        self.add(Job(key))
        return self._jobs[key]

    def add(self, job: Job) -> None:
        """Let identical requests use a job, unless they can already use another job."""
        present = self._jobs.get(job.key)
        if present is None or not present.is_reusable:
            self._jobs.pop(job.key, None)
            self._make_room()
            self._jobs[job.key] = job

    def remove(self, job: Job) -> None:
        """Remove a job whose audio has been played or cannot be fetched."""
        if self._jobs.get(job.key) is job:
            del self._jobs[job.key]

    def inherit(self, other: JobRegistry) -> None:
        """Continue the jobs of another registry, whose HTTP sessions are about to be closed."""
        for job in other._jobs.values():
            if job.is_reusable:
                self.add(job.transferred())

    def stop_polling(self) -> None:
        """Stop polling all jobs, because the provider's sessions are about to be closed."""
        for job in self._jobs.values():
            job.stop_polling()

    @property
    def pending_submissions(self) -> list[SubmissionTask]:
        """The submissions in progress."""
        return [task for job in self._jobs.values() if (task := job.pending_submission)]

    def _make_room(self) -> None:
        """Remove jobs that are no longer reusable, and the oldest ones if there are too many."""
        reusable = [(key, job) for key, job in self._jobs.items() if job.is_reusable]
        self._jobs = dict(reusable[-(MAX_JOBS - 1) :])
