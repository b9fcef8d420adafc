"""What the pages say, in each language. A language lacks nothing: the type checker sees to it."""

from dataclasses import dataclass
from functools import lru_cache

from controller.door import Word
from controller.machine import Reason


@dataclass(frozen=True, slots=True)
class Told:
    """A heading and a sentence."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Words:
    """All texts of one language."""

    lang: str
    own_name: str
    title: str
    headline: str
    sentence: str
    """The sentence of the expo's machine."""
    why: str
    advice_title: str
    advice: tuple[str, ...]
    honest: str
    read_first: str
    """``{seconds}`` is the dwell that is left."""
    button: str
    told: dict[Word, Told]
    out_of_service: dict[Reason, str]
    screen_ready: str
    """On the machine's screen; U+200B says where a Chinese line may break."""
    screen_busy: str
    screen_dispensing: str
    screen_enjoy: str
    screen_sorry: str
    screen_out: str
    screen_lost: str


EN = Words(
    lang="en",
    own_name="English",
    title="Warning: think before you scan",
    headline="You scanned a code without knowing where it leads.",
    sentence="arbitrary code-sweeping will endanger personal property safety",
    why=(
        "A code can open any page there is. By now, your personal information"
        " might have been illegally collected."
    ),
    advice_title="Next time",
    advice=(
        "Do not click strange links.",
        "Do not download mobile software from unofficial platforms.",
        "Look at the address before you open it, and ask who put the code there.",
    ),
    honest="This time it was a lesson: this machine records nothing about you.",
    read_first="Please read first: {seconds} s",
    button="I understand: my drink, please",
    told={
        Word.COMING: Told("Your drink is coming", "Look at the machine."),
        Word.ENJOY: Told("Enjoy your drink!", "And tell a friend what you learnt here."),
        Word.FAILED: Told(
            "Sorry, no drink came out",
            "It was not your doing. Scan the new code on the machine's screen to try again.",
        ),
        Word.UNKNOWN: Told(
            "Did your drink come?",
            "We can't tell from here. If it did not, please ask the staff: they can see it too.",
        ),
        Word.USED: Told(
            "This code has been used",
            "Each code is good for one drink. Scan the new code on the machine's screen for yours.",
        ),
        Word.STALE: Told(
            "This code is no longer valid",
            "For a drink, scan the code that is on the machine's screen now.",
        ),
        Word.OUT_OF_SERVICE: Told("No drinks just now", "But the lesson is free."),
    },
    out_of_service={
        Reason.STOPPED: "The machine has been stopped.",
        Reason.STARTING: "It is starting. Scan the code on its screen in a moment.",
        Reason.RELAY_LOST: "The machine has a fault, and the staff can see it.",
        Reason.JOURNAL_LOST: "The machine has a fault, and the staff can see it.",
        Reason.SENSOR_LOST: "Is a drink still in the outlet? Please take it out.",
        Reason.UNKNOWN_OUTCOME: "The staff are checking the machine.",
        Reason.SOLD_OUT: "All drinks are gone. Please come back after the refill.",
        Reason.NO_SLOT_TO_TRUST: "The machine has a fault, and the staff can see it.",
    },
    screen_ready="Scan for a drink",
    screen_busy="Someone is being served",
    screen_dispensing="Enjoy your drink!",
    screen_enjoy="Enjoy your drink!",
    screen_sorry="Sorry, please scan again",
    screen_out="Out of service",
    screen_lost="One moment, please",
)

ZH = Words(
    lang="zh",
    own_name="中文",
    title="警告：扫码之前，先想一想",
    headline="您刚刚扫了一个不知通向何处的二维码。",
    sentence="随意扫码将危害个人财产安全",
    why="二维码可以打开任何网页。此刻，您的个人信息可能已被非法收集。",
    advice_title="下一次",
    advice=(
        "不要点击陌生链接。",
        "不要从非官方平台下载手机软件。",
        "打开之前看清网址，想一想这个码是谁贴的。",
    ),
    honest="这一次只是一堂课：本机不记录您的任何信息。",
    read_first="请先阅读：{seconds} 秒",
    button="我明白了，请给我饮料",
    told={
        Word.COMING: Told("饮料马上就来", "请看机器。"),
        Word.ENJOY: Told("请享用您的饮料！", "也把今天学到的告诉朋友。"),
        Word.FAILED: Told("抱歉，饮料没有出来", "这不是您的问题。请重新扫描机器屏幕上的新码。"),
        Word.UNKNOWN: Told(
            "您拿到饮料了吗？", "我们在这里无法确认。如果没有，请联系工作人员，他们也能看到。"
        ),
        Word.USED: Told("这个码已被使用", "每个码只能领一份饮料。请扫描机器屏幕上的新码。"),
        Word.STALE: Told("这个码已失效", "想要饮料，请扫描机器屏幕上现在的码。"),
        Word.OUT_OF_SERVICE: Told("现在没有饮料", "但这堂课是免费的。"),
    },
    out_of_service={
        Reason.STOPPED: "机器已停止服务。",
        Reason.STARTING: "机器正在启动，请稍后扫描屏幕上的码。",
        Reason.RELAY_LOST: "机器出现故障，工作人员已能看到。",
        Reason.JOURNAL_LOST: "机器出现故障，工作人员已能看到。",
        Reason.SENSOR_LOST: "出货口里还有饮料吗？请把它取走。",
        Reason.UNKNOWN_OUTCOME: "工作人员正在检查机器。",
        Reason.SOLD_OUT: "饮料已领完，请在补货后再来。",
        Reason.NO_SLOT_TO_TRUST: "机器出现故障，工作人员已能看到。",
    },
    screen_ready="扫码领饮料",
    screen_busy="有人正在\u200b领取",
    screen_dispensing="请享用\u200b饮料！",
    screen_enjoy="请享用\u200b饮料！",
    screen_sorry="抱歉，\u200b请再扫一次",
    screen_out="暂停服务",
    screen_lost="请稍候",
)

LANGUAGES: dict[str, Words] = {words.lang: words for words in (EN, ZH)}


@lru_cache(maxsize=256)
def preferred(accept_language: str) -> Words:
    """The language that an Accept-Language header (RFC 9110, 12.5.4) prefers, or English."""
    best, best_weight = EN, 0.0
    for part in accept_language.split(","):
        tag, _, parameter = part.strip().partition(";")
        words = LANGUAGES.get(tag.strip().lower().partition("-")[0])
        try:
            weight = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            continue
        if words is not None and weight > best_weight:
            best, best_weight = words, weight
    return best
