"""The contract of a verb: ``meta`` of Impress of 2015, and the fields of endpoints."""

import pytest

from bundles.apidocs import ApidocsBundle, Documents
from bundles.contracts import run_examples
from rxkernel import decode_json
from tests.bundles.web.conftest import Site

META = """
    meta = {
        "description": "Adds a person",
        "parameters": {
            "name": "string",
            "age": "number",
            "size": "[size]",
            "mode": "fast:string",
            "kind": "(a,b)",
        },
        "result": {"id": "number"},
    }

    async def post(client):
        return client.parameters if "bad" not in client.parameters["name"] else {"id": "x"}
    """


async def test_parameters_of_meta_are_converted_and_merged(site: Site) -> None:
    text = META.replace('"result": {"id": "number"},', "")
    client = await site.start({"app/a.json/post.py": text})

    response = await client.http(
        "POST /a.json",
        params={"age": "7"},
        body={"name": "Ada", "size": "10mb", "kind": "b"},
    )

    assert response.status_code == 200
    assert decode_json(response.content) == {
        "name": "Ada",
        "age": 7,
        "size": 10000000,
        "mode": "fast",
        "kind": "b",
    }


async def test_parameters_that_do_not_fit_are_422_with_every_error(site: Site) -> None:
    """Impress of 2015 responded with 400 and the meta as the body."""
    client = await site.start({"app/a.json/post.py": META})

    response = await client.http("POST /a.json", body={"age": "x", "kind": "c", "more": 1})

    assert response.status_code == 422
    paths = {entry["path"] for entry in response.content["errors"]}
    assert paths == {"body.name", "body.age", "body.kind", "body.more"}


@pytest.mark.parametrize("limit", ["number", "10:number", "[number]"])
async def test_errors_have_the_same_texts_in_both_notations(site: Site, limit: str) -> None:
    text = f"""
        meta = {{"parameters": {{"name": "string", "limit": "{limit}"}}}}

        async def post(client):
            return 1
        """
    client = await site.start({"app/a.json/post.py": text})

    response = await client.http("POST /a.json", body={"limit": "many", "x": 1})

    assert {entry["path"]: entry["message"] for entry in response.content["errors"]} == {
        "body.name": 'Field "name" is required',
        "body.limit": 'Field "limit" not of expected type: number',
        "body.x": 'Field "x" is not expected',
    }


async def test_result_that_does_not_fit_is_500_and_logged(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    client = await site.start({"app/a.json/post.py": META})

    response = await client.http("POST /a.json", body={"name": "bad", "age": 1, "kind": "a"})

    assert response.status_code == 500
    assert "result that does not fit" in caplog.text


@pytest.mark.parametrize(
    ("extension", "body", "text"),
    [
        (".json", "return {'id': 1}", b'{"id":1}'),
        (".json", "return {'id': 1}, 201", b'{"id":1}'),
        (".json", "client.end({'id': 1})", b'{"id":1}'),
        (".csv", "return {'id': 1}", "id\r\n1\r\n"),
        (".json", "client.cache(60); return {'id': 1}", b'{"id":1}'),
        (".json", "return Response({'id': 1})", {"id": 1}),
    ],
    ids=["data", "status", "end", "csv", "cache", "response"],
)
async def test_result_that_fits_is_sent_in_the_form_of_the_extension(
    site: Site, extension: str, body: str, text: object
) -> None:
    get = f"""
        from rxkernel import Response

        returns = {{"id": "number"}}

        async def get(client):
            {body}
        """
    client = await site.start({f"app/a{extension}/get.py": get})

    for _ in range(2):
        response = await client.http(f"GET /a{extension}")
        assert (response.status_code // 100, response.content) == (2, text)


async def test_notation_of_metarhia_may_refer_to_schemas(site: Site) -> None:
    files = {
        "schemas/City.py": "schema = {'name': 'string'}",
        "app/a.json/post.py": """
            meta = {"parameters": {"city": "City", "n": "?number"}}

            async def post(client):
                return client.parameters
            """,
    }
    client = await site.start(files)

    good = await client.http("POST /a.json", body={"city": {"name": "Kyiv"}})
    assert (good.status_code, good.content) == (200, b'{"city":{"name":"Kyiv"}}')
    assert (await client.http("POST /a.json", body={"city": {}})).status_code == 422


async def test_parameters_of_virtual_path_do_not_contain_it(site: Site) -> None:
    files = {
        "app/a.json/access.py": "virtual = True",
        "app/a.json/get.py": """
            parameters = {"n": "number"}

            async def get(client):
                return [client.path, client.parameters]
            """,
    }
    client = await site.start(files)

    name = "GET /a.json/{web_path:path}"
    response = await client.http(name, params={"web_path": "x/y", "n": 1})
    assert (response.status_code, response.content) == (200, b'["x/y",{"n":1}]')


async def test_returned_domain_error_has_its_text_and_status(site: Site) -> None:
    files = {
        "app/a.json/get.py": """
            from bundles.contracts import DomainError

            errors = {"sold_out": "There is none left"}

            async def get(client):
                return DomainError("sold_out", status_code=409)
            """,
        "app/b.json/get.py": "async def get(client): return ValueError('secret')",
    }
    client = await site.start(files)

    response = await client.http("GET /a.json")
    assert response.status_code == 409
    assert response.content["message"] == "There is none left"
    assert (await client.http("GET /b.json")).status_code == 500


async def test_parameters_are_read_from_query_and_form(site: Site) -> None:
    text = """
        async def post(client):
            return [client.parameters, client.query, client.fields]
        """
    client = await site.start({"app/a.json/post.py": text})

    form = await client.http("POST /a.json", params={"q": ["1", "2"]}, form={"a": "b"})
    assert form.content == b'[{"a":"b","q":["1","2"]},{"q":["1","2"]},{"a":"b"}]'
    values = await client.http("POST /a.json", params={"q": "1"}, body=[1])
    assert values.content == b'[{"q":"1"},{"q":"1"},{}]'


async def test_parameters_of_meta_are_in_the_openapi_document(site: Site) -> None:
    client = await site.start({"app/a.json/post.py": META}, bundles=[ApidocsBundle()])

    document = client.application.injector.get(Documents).openapi
    operation = document["paths"]["/a.json"]["post"]
    assert operation["description"] == "Adds a person"
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert set(schema["properties"]) == {"name", "age", "size", "mode", "kind"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("meta = 1", "meta is 1; write a mapping with description, parameters, result"),
        ("meta = {'name': 'x'}", "meta has 'name'; its keys must be"),
        ("meta = {'description': 'x'}\ndescription = 'y'", "and so has description"),
        ("meta = {'parameters': {'a': '[nuber]'}}", "unknown type 'nuber'"),
        ("parameters = {'a': 'nuber'}", "nuber"),
        ("timeout = -1", "timeout is -1"),
        ("timout = 1", "did you mean 'timeout'?"),
        ("access = 'public'", "'access' is not a field"),
    ],
    ids=["number", "key", "twice", "type", "notation", "value", "misspelt", "access"],
)
async def test_wrong_field_is_an_error_with_its_place(site: Site, text: str, problem: str) -> None:
    found = await site.problems({"app/a/get.py": f"{text}\nasync def get(client): return 1"})

    assert "app/a/get.py:" in found
    assert problem in found


DECORATED = """
    from bundles.contracts import contract

    {more}

    @contract(parameters={{"n": "number"}})
    async def {stage}(client):
        return client.parameters["n"]
    """


async def test_contract_of_a_decorator_is_enforced(site: Site) -> None:
    text = DECORATED.format(stage="get", more="description = 'A number'")
    client = await site.start({"app/a.json/get.py": text})

    assert (await client.http("GET /a.json", params={"n": 1})).content == b"1"
    assert (await client.http("GET /a.json", params={"n": "x"})).status_code == 422


@pytest.mark.parametrize(
    ("stage", "more", "problem"),
    [
        ("get", "parameters = {'n': 'number'}", "set in the file and by @contract; remove one"),
        ("end", "", "@contract sets parameters, but a contract belongs to a verb, not to end"),
    ],
    ids=["twice", "stage"],
)
async def test_wrong_contract_of_a_decorator_is_an_error(
    site: Site, stage: str, more: str, problem: str
) -> None:
    text = DECORATED.format(stage=stage, more=more)

    assert problem in await site.problems({f"app/a/{stage}.py": text})


async def test_example_of_a_handler_is_run(site: Site) -> None:
    get = """
        parameters = {"name": "string"}
        returns = {"name": "string"}
        examples = [
            {"params": {"name": "Rome"}, "returns": {"name": "Rome"}},
            {"params": {"name": "Rome"}, "returns": {"name": "Kyiv"}},
        ]

        async def get(client):
            return {"name": client.parameters["name"]}
        """
    client = await site.start({"app/a.json/get.py": get})

    first, second = [result.problem async for result in run_examples(client)]

    assert first is None
    assert second == "expected {'name': 'Kyiv'}, got {'name': 'Rome'}"


GOES_ON = "async def middleware(request, next): return await next(request)"

RETURNS = """
    from rxkernel import Response

    returns = {{"id": "number"}}

    async def {signature}:
        {code}
    """


@pytest.mark.parametrize(
    ("extension", "signature", "code", "text"),
    [
        (".json", "get(client)", "return {'id': 1}", b'{"id":1}'),
        (".json", "get(client)", "return {'id': 1}, 201", b'{"id":1}'),
        (".json", "get(client)", "client.end({'id': 1})", b'{"id":1}'),
        (".jsonp", "get(client)", "return {'id': 1}", b'/**/callback({"id":1});'),
        (".csv", "get(client)", "return {'id': 1}", "id\r\n1\r\n"),
        (".xml", "get(client)", "return {'id': 1}", None),
        ("", "get(client)", "return {'id': 1}", "<1>"),
        ("", "get(client)", "client.context.data['id'] = 1", "<1>"),
        (".json", "middleware(request, next)", "return Response({'id': 1})", {"id": 1}),
        (
            ".json",
            "middleware(request, next)",
            "await next(request); return Response({'id': 1})",
            {"id": 1},
        ),
    ],
    ids=[
        "data",
        "status",
        "end",
        "jsonp",
        "csv",
        "xml",
        "template",
        "context",
        "verb",
        "replaced",
    ],
)
@pytest.mark.parametrize("around", [{}, {"app/request.py": GOES_ON}], ids=["plain", "around"])
async def test_result_that_fits_is_sent_through_a_middleware(
    site: Site,
    extension: str,
    signature: str,
    code: str,
    text: object,
    around: dict[str, str],
) -> None:
    files = {
        f"app/a{extension}/get.py": RETURNS.format(signature=signature, code=code),
        "app/html.template": "<@id@>",
        **around,
    }
    client = await site.start(files)

    response = await client.http(f"GET /a{extension}")

    assert response.status_code // 100 == 2
    assert text is None or response.content == text


@pytest.mark.parametrize(
    ("extension", "signature", "code"),
    [
        (".json", "get(client)", "return {'id': 'x'}"),
        (".json", "get(client)", "client.end({'id': 'x'}, 201)"),
        (".csv", "get(client)", "return {'id': 'x'}"),
        (".xml", "get(client)", "return {'id': 'x'}"),
        ("", "get(client)", "return {'id': 'x'}"),
        (".json", "middleware(request, next)", "return await next(request)"),
        (".json", "middleware(request, next)", "return Response({'id': 'x'})"),
    ],
    ids=["data", "end", "csv", "xml", "template", "nothing", "verb"],
)
@pytest.mark.parametrize("around", [{}, {"app/request.py": GOES_ON}], ids=["plain", "around"])
async def test_result_that_does_not_fit_is_500_through_a_middleware(
    site: Site,
    extension: str,
    signature: str,
    code: str,
    around: dict[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    files = {
        f"app/a{extension}/get.py": RETURNS.format(signature=signature, code=code),
        "app/html.template": "<@id@>",
        **around,
    }
    client = await site.start(files)

    assert (await client.http(f"GET /a{extension}")).status_code == 500
    assert "result that does not fit" in caplog.text


@pytest.mark.parametrize(("value", "status"), [("1", 200), ("'x'", 500)])
async def test_response_of_a_middleware_around_is_checked_in_the_place_of_the_result(
    site: Site, value: str, status: int
) -> None:
    files = {
        "app/a.json/get.py": RETURNS.format(
            signature="get(client)", code="return {'id': 'x' if client.query else 1}"
        ),
        "app/a.json/request.py": f"""
            from rxkernel import Response

            async def middleware(request, next):
                await next(request)
                return Response({{"id": {value}}})
            """,
    }
    client = await site.start(files)

    assert (await client.http("GET /a.json")).status_code == status
    assert (await client.http("GET /a.json", params={"bad": "1"})).status_code == status
