"""A queue, a ledger and workers in the hands of hypothesis: the promise holds after every step."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from tests.simulation.faults import ERRORS, FaultPlan
from tests.simulation.history import TYPES
from tests.simulation.loop import State
from tests.simulation.world import Worker, World

MOST_WORKERS = 3

SECONDS = st.sampled_from([0.0, 0.1, 1.0, 5.0, 20.0, 45.0])


class Machine(RuleBasedStateMachine):
    """What may happen to a connector."""

    @initialize(seed=st.integers(0, 1_000), visibility=st.sampled_from([30, 60]))
    def begin(self, seed: int, visibility: int) -> None:
        plan = FaultPlan(seed, slow=0.2)
        self.world = World(seed, faults=plan, visibility_timeout=visibility)
        self.events = 0

    def running(self) -> list[Worker]:
        return [worker for worker in self.world.workers if worker.runs]

    def one(self, number: int) -> Worker:
        return self.running()[number % len(self.running())]

    def wait(self, seconds: float) -> None:
        self.world.go_on(self.world.clock.sleep(seconds))

    @rule(number=st.integers(1, 6), kind=st.sampled_from(TYPES), held=st.booleans())
    def send(self, number: int, kind: str, held: bool) -> None:
        for _ in range(number):
            self.events += 1
            name = f"{'res' if held else 'no'}_{self.events % 4 if held else self.events}"
            self.world.send(f"evt_{self.events}", name, kind, held=held)

    @rule()
    def send_nonsense(self) -> None:
        self.world.send_text("no event")

    @precondition(lambda self: self.events > 0)
    @rule(number=st.integers(0, 100))
    def send_again(self, number: int) -> None:
        known = [one for one in self.world.promise.sent.values() if one.event_id is not None]
        sent = known[number % len(known)]
        text = sent.body.replace('"account"', f'"again": {len(known)}, "account"')
        self.world.send_text(text, wanted=sent.wanted)

    @precondition(lambda self: len(self.running()) < MOST_WORKERS)
    @rule()
    def start(self) -> None:
        self.world.start()

    @precondition(lambda self: self.running())
    @rule(number=st.integers(0, 2), in_the_air=st.booleans())
    def kill(self, number: int, in_the_air: bool) -> None:
        self.world.kill(self.one(number), in_the_air=in_the_air)

    @precondition(lambda self: self.running())
    @rule(number=st.integers(0, 2))
    def stop(self, number: int) -> None:
        self.one(number).stop()

    @precondition(lambda self: self.running())
    @rule(number=st.integers(0, 2))
    def suspend(self, number: int) -> None:
        self.world.suspend(self.one(number))

    @precondition(lambda self: self.running())
    @rule(number=st.integers(0, 2), stood_still_s=st.sampled_from([0.0, 35.0]))
    def resume(self, number: int, stood_still_s: float) -> None:
        worker = self.one(number)
        if worker.process.state is State.SUSPENDED:
            self.world.resume(worker, stood_still_s)

    @precondition(lambda self: self.running())
    @rule(number=st.integers(0, 2), seconds=st.sampled_from([-300.0, -40.0, 40.0, 300.0]))
    def jump(self, number: int, seconds: float) -> None:
        self.one(number).clock.skew_s += seconds

    @rule()
    def redeliver(self) -> None:
        for message in self.world.queue.messages:
            self.world.queue.redeliver(message.message_id)

    @rule(port=st.sampled_from(sorted(ERRORS)), number=st.integers(0, 5))
    def break_down(self, port: str, number: int) -> None:
        self.world.faults.down[port] = ERRORS[port][number % len(ERRORS[port])]

    @rule(rate=st.sampled_from([0.1, 0.4]))
    def worsen(self, rate: float) -> None:
        self.world.faults.rate = rate

    @rule()
    def heal(self) -> None:
        self.world.faults.rate = 0.0
        self.world.faults.down.clear()

    @rule(seconds=SECONDS)
    def let_time_pass(self, seconds: float) -> None:
        self.wait(seconds)

    @rule(steps=st.integers(1, 60))
    def let_a_little_happen(self, steps: int) -> None:
        for _ in range(steps):
            self.wait(0.0)

    @invariant()
    def the_promise_holds(self) -> None:
        if hasattr(self, "world"):
            self.world.promise.at_the_end(all_settled=False)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.world.faults.heal()
            for worker in self.running():
                self.world.resume(worker)
                worker.stop()
            self.wait(60.0)
            assert self.running() == []
            self.world.go_on(self.world.until_settled(self.world.start()))
            self.world.promise.at_the_end()
        finally:
            self.world.end()


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=150,
    stateful_step_count=30,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
