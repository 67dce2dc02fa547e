"""The heap of due times."""

from hypothesis import given
from hypothesis import strategies as st

from bundles.tasks.scheduler.agenda import Agenda

IDS = st.sampled_from("abcd")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), IDS, st.integers(0, 20)),
        st.tuples(st.just("remove"), IDS, st.just(0)),
        st.tuples(st.just("take"), st.just(""), st.integers(0, 20)),
    ),
    max_size=200,
)


@given(STEPS)
def test_agenda_returns_the_same_times_as_a_dictionary(steps: list[tuple[str, str, int]]) -> None:
    agenda, model = Agenda(), dict[str, float]()
    for step, id, moment in steps:
        match step:
            case "put":
                agenda.put(id, moment)
                model[id] = moment
            case "remove":
                agenda.remove(id)
                model.pop(id, None)
            case _:
                taken = dict(agenda.take(moment))
                assert taken == {id: due for id, due in model.items() if due <= moment}
                model = {id: due for id, due in model.items() if due > moment}
        assert agenda.next == min(model.values(), default=None)


def test_agenda_whose_times_are_replaced_stays_small() -> None:
    agenda = Agenda()
    for moment in range(10_000):
        agenda.put("a", 10_000 - moment)
    assert len(agenda) < 20
    assert agenda.next == 1
