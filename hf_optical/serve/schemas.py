"""JSON that comes in and goes out."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr

Scalar = StrictBool | StrictInt | Annotated[StrictFloat, Field(allow_inf_nan=False)] | StrictStr | None

_ANSWER = {
    "query": "mahindi huhifadhiwaje?",
    "language": "sw",
    "k": 1,
    "lexical_weight": 0.0,
    "spelling_variants": [],
    "hits": [
        {
            "id": "p17",
            "score": 24.31,
            "text": "Dry maize keeps for months in a closed store.",
            "metadata": {"country": "KE"},
            "matches": None,
        }
    ],
}


class SearchRequest(BaseModel):
    """A question. Its limits are the service's, and are checked by it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"query": "mahindi huhifadhiwaje?", "k": 3, "language": "sw", "filter": {"country": "KE"}}]
        },
    )

    query: StrictStr = Field(description="the question, in the language of a student")
    k: StrictInt = Field(10, description="how many passages")
    language: StrictStr | None = Field(None, description="of the question, or name of a student; needed where there are several")
    filter: dict[str, Scalar | list[Scalar]] | None = Field(
        None, description="only passages whose metadata has these values (a list: any of them)"
    )
    matches: StrictBool = Field(False, description="also tell which words of a passage the words of the question found")

    lexical_weight: Annotated[StrictFloat, Field(ge=0, le=10, allow_inf_nan=False)] | None = Field(
        None,
        description="of BM25 of the question as it is typed, beside the student's 1; 0: none; default: the service's. Above 0 only "
        "where the service has BM25",
    )
    spelling_variants: StrictBool | None = Field(
        None,
        description="ask for words that the student does not know as they are spelt in English, too; default: if the service was "
        "started with them. True only where it was",
    )


class Match(BaseModel):
    """A token of the question and the token of the passage that it found, as (start, end) in characters."""

    query: tuple[int, int]
    query_text: str
    document: tuple[int, int] | None
    document_text: str
    similarity: float


class SpellingVariant(BaseModel):
    """A word of the question that the student does not know, and the English word of the passages that was asked for as well."""

    word: Annotated[str, Field(examples=["Tanzaniya"])]
    variant: Annotated[str, Field(examples=["Tanzania"])]


class Passage(BaseModel):
    """A found passage."""

    id: str
    score: float = Field(description="what orders the list: MaxSim, or the fused score where lexical_weight is above 0")
    text: str
    metadata: dict[str, Any]
    matches: list[Match] | None = None


class SearchResponse(BaseModel):
    """The answer, best passage first."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ANSWER]})

    query: str
    language: str | None
    k: int
    lexical_weight: float = Field(description="of BM25 in this answer; 0: none")
    spelling_variants: list[SpellingVariant] = Field(description="that were asked for, in the order of the question")
    hits: list[Passage]


class Health(BaseModel):
    """Of the service."""

    status: Annotated[str, Field(examples=["ok"])]
    passages: Annotated[int, Field(examples=[19265])]
    languages: Annotated[list[str], Field(examples=[["sw", "ha"]])]


class ErrorBody(BaseModel):
    """What was wrong, and what to do."""

    error: Annotated[str, Field(examples=["k must be from 1 to 100, got 0."])]
