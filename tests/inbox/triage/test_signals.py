"""Each signal on a mail that shows it, and beside it an honest mail that comes close and does not."""

import base64
from email.message import EmailMessage

import pytest

from inbox.mail import Parsed, parse
from inbox.triage.scan.lexicon import weights
from tests.inbox.triage.cases import OURS, failing, judged, mail, verified


def signals(message: Parsed, **known: object) -> set[str]:
    return {signal.code for signal in judged(message, **known).outcomes["security"].signals}


def page(sender: str, markup: str, **headers: str) -> Parsed:
    return mail(sender, markup, content_type="text/html; charset=utf-8", **headers)


def attached(content: bytes, name: str, text: str = "see the file") -> Parsed:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Ada <ada@firm.example>", OURS, "x"
    message.set_content(text)
    message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return parse(message.as_bytes())


ADA = "Ada <ada@firm.example>"
LINK = "<a href='{}'>open it</a> these are some more words that say why it would be good to look at this page today"

SHOWN: list[tuple[str, Parsed]] = [
    ("from_unparsable", mail("Facebook <>")),
    ("from_several", mail("Ada <a@x.example>, Bob <b@y.example>")),
    ("from_contorted", mail("Microsoft account team ,_<x@y.example>")),
    ("from_contorted", mail("Casino,(<noreply@x.example>)")),
    ("from_impossible", mail("Correios <x@correios>")),
    ("from_a_server", mail("Bank <info@bank.example>", return_path="<root@localhost.members.example>")),
    ("address_in_name", mail('"support@bank.example" <x@y.example>')),
    ("domain_in_name", mail("Spielbank.example <x@y.example>")),
    ("brand_in_name", mail("PayPal Support <x@y.example>")),
    ("brand_in_name", mail("PаypaI <x@y.example>")),  # Cyrillic a, capital i
    ("brand_in_name", mail("Apple <x@y.example>")),
    ("brand_in_name", mail("𝐍𝐞𝐭𝐟𝐥𝐢𝐱 <x@y.example>")),
    ("brand_by_freemail", mail("Netflix <x@gmail.com>")),
    ("brand_links_elsewhere", page("Netflix <x@y.example>", LINK.format("https://z.example/pay"))),
    ("brand_in_subject", mail(ADA, subject="Your PayPal account")),
    ("sender_many_labels", mail("Ada <a@s.u.p.p.o.r.t.firm.example>")),
    ("sender_cheap_suffix", mail("Ada <a@firm.cfd>")),
    ("sender_random", mail("Ada <a@r96yj7pejg.com>")),
    ("sender_numbered", mail("Ada <ada_haylock_83254@firm.example>")),
    ("sender_punycode", mail("Ada <a@xn--frm-wia.example>")),
    ("reply_to_freemail", mail(ADA, reply_to="ada.b@gmail.com")),
    ("reply_to_other_freemail", mail("Ada <ada@gmail.com>", reply_to="other@outlook.com")),
    ("dmarc_failed", mail(ADA, authentication_results="x; spf=pass smtp.mailfrom=y.example; dmarc=fail")),
    ("spf_failed", mail(ADA, authentication_results="x; spf=softfail smtp.mailfrom=firm.example; dkim=none")),
    ("nothing_vouches", mail(ADA, authentication_results="x; spf=pass smtp.mailfrom=y.example; dkim=none")),
    ("link_ip", mail(ADA, body="http://203.0.113.9/login")),
    ("link_ip", mail(ADA, body="http://3405803785/login")),
    ("link_userinfo", page(ADA, LINK.format("https://www.bank.example@evil.example/"))),
    ("link_shortener", page(ADA, LINK.format("https://t.co/abc"))),
    ("link_redirector", page(ADA, LINK.format("https://www.google.com/url?q=https://evil.example"))),
    ("link_redirector", page(ADA, LINK.format("https://www.bing.com/ck/a?!&&p=1"))),
    ("link_free_host", page(ADA, LINK.format("https://storage.googleapis.com/x/y.html"))),
    ("link_free_host", page(ADA, LINK.format("https://b-a4qx-rj.a.run.app/"))),
    ("link_free_host", page(ADA, LINK.format("https://login.pages.dev/"))),
    ("link_form", page(ADA, LINK.format("https://docs.google.com/forms/d/e/1/viewform"))),
    ("link_homograph", page(ADA, LINK.format("https://pаypal.example/"))),
    ("link_into_a_site", page(ADA, LINK.format("https://shop.example.org/wp-content/plugins/x/login.php"))),
    ("link_download", page(ADA, LINK.format("https://files.example.org/invoice.zip"))),
    ("link_port", page(ADA, LINK.format("http://z.example:8899/"))),
    ("link_cheap_suffix", page(ADA, LINK.format("https://prize.click/"))),
    ("link_random_host", page(ADA, LINK.format("https://x7k9q2m4zt.example/"))),
    ("links_elsewhere", page(ADA, LINK.format("https://z.example/"))),
    ("links_one_stranger", page(ADA, LINK.format("https://z.example/"))),
    ("brand_in_link", page(ADA, LINK.format("https://netflix.payments.example.org/"))),
    ("brand_in_domain", mail("Ada <ada@netflix-billing.example>")),
    ("link_shows_another", page(ADA, "<a href='https://evil.example/x'>https://www.bank.com/login</a>")),
    (
        "link_carries_another",
        page(ADA, LINK.format("https://z.example/go?url=https%3A%2F%2Fevil.example.org%2F")),
    ),
    ("link_script", page(ADA, "<a href='java\nscript:alert(1)'>x</a>")),
    ("meta_refresh", page(ADA, "<meta http-equiv='refresh' content='0;url=https://z.example'>x")),
    ("recipient_in_link", page(ADA, LINK.format(f"https://z.example/?e={OURS}"))),
    ("recipient_in_link", page(ADA, LINK.format(f"https://z.example/{OURS.encode().hex()}"))),
    (
        "recipient_in_link",
        page(ADA, LINK.format(f"https://z.example/{base64.b64encode(OURS.encode()).decode()}")),
    ),
    ("address_behind_hash", page(ADA, LINK.format(f"https://z.example/login.html#{OURS}"))),
    ("form_password", page(ADA, "<form action='https://z.example'><input type='password'></form>")),
    ("form_elsewhere", page(ADA, "<form action='https://z.example'><input></form>")),
    ("mailto_freemail", page(ADA, "<a href='mailto:help.desk@gmail.com'>Report the user</a>")),
    ("picture_only", page(ADA, "<a href='https://z.example'><img src='https://i.example/a.png'></a>")),
    ("hidden_text", page(ADA, f"<p>hi</p><div style='display:none'>{'ordinary words ' * 50}</div>")),
    ("subject_shouts", mail(ADA, subject="ANSWER ME AT ONCE NOW")),
    ("template_unfilled", mail(ADA, body="Dear [[-Email-]], hello")),
    ("template_unfilled", page(ADA, "<a href='/[unsubscribe_link]'>x</a>")),
    ("fancy_letters", mail(ADA, subject="𝐑𝐄𝐒𝐓𝐀𝐑𝐓 now")),
    ("invisible_letters", mail("P\u200brime <a@firm.example>")),
    ("mixed_letters", mail(ADA, subject="Your аccount")),
    ("recipient_in_subject", mail(ADA, subject=f"{OURS}, read this")),
    ("recipient_as_sender", mail(f"{OURS} <x@y.example>")),
    ("sender_is_recipient", mail(f"Ole <{OURS}>")),
    ("attachment_runs", attached(b"MZ\x90", "invoice.pdf")),
    ("attachment_runs", attached(b"WScript", "invoice.js")),
    ("attachment_page", attached(b"<html><script>document.write(atob('x'))</script>", "voice.html")),
    ("attachment_lies", attached(b"<html>hello", "invoice.pdf")),
    ("attachment_object", attached(b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d", "notes.one")),
    ("attachment_empty", attached(b"", "image001.png")),
    ("attachment_pdf_alone", attached(b"%PDF-1.4", "invoice.pdf")),
]


@pytest.mark.parametrize(
    ("code", "message"), SHOWN, ids=[f"{code}-{number}" for number, (code, _) in enumerate(SHOWN)]
)
def test_a_mail_that_shows_it_has_the_signal(code: str, message: Parsed) -> None:
    assert code in signals(message)


HONEST: list[tuple[str, Parsed]] = [
    ("brand_in_name", verified("PayPal <service@paypal.com>")),
    ("brand_in_name", verified("DHL Express <noreply@dhl.com>")),
    ("brand_in_name", verified("Amazon <no-reply@amazon.sg>")),
    ("brand_in_name", mail("Chase Miller <chase@miller.example>")),
    ("brand_in_name", mail("Apple Pie Bakery <hi@pie.example>")),
    ("domain_in_name", verified("Booking.com <noreply@mailer.booking.com>")),
    ("address_in_name", mail('"ada@firm.example" <ada@firm.example>')),
    ("from_contorted", mail("Berg, Ada <ada@firm.example>")),
    ("reply_to_freemail", mail("Ada <ada@gmail.com>", reply_to="ada@gmail.com")),
    ("nothing_vouches", mail(ADA, authentication_results="x; spf=pass smtp.mailfrom=mail.firm.example")),
    ("nothing_vouches", mail(ADA)),
    ("link_ip", mail(ADA, body="http://192.168.1.1/ and http://10.0.0.2:8080/")),
    ("link_free_host", page("Ada <ada@firm.github.io>", LINK.format("https://firm.github.io/"))),
    ("link_free_host", page(ADA, LINK.format("https://www.skien.kommune.no/"))),
    ("link_free_host", page(ADA, LINK.format("https://firm.myshopify.com/cart"))),
    ("link_homograph", page(ADA, LINK.format("https://blåbær.example/"))),
    (
        "links_elsewhere",
        page(ADA, LINK.format("https://www.firm.example/") + LINK.format("https://z.example/")),
    ),
    ("links_elsewhere", page(ADA, LINK.format("https://firm-shop.com/"))),
    ("link_shows_another", page(ADA, "<a href='https://firm.us4.list-manage.com/x'>www.bank.com</a>")),
    ("link_shows_another", page(ADA, "<a href='https://www.bank.com/x'>bank.com</a>")),
    ("recipient_in_link", page(ADA, LINK.format(f"https://firm.example/u?e={OURS}"))),
    ("picture_only", page(ADA, "<img src='https://i.example/a.png'>")),
    (
        "hidden_text",
        page(ADA, "<div style='display:none'>Your receipt is here</div><p>Thank you for the order"),
    ),
    ("mixed_letters", mail(ADA, subject="Привет from Oslo")),
    ("invisible_letters", mail("Ada 👩\u200d💻 <a@firm.example>")),
    ("fancy_letters", mail(ADA, subject="Møte kl. ½ 3 – 20 °C ✅")),
    ("sender_random", mail("Ada <post@rechtsschutzversicherung.example>")),
    ("attachment_lies", attached(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 600, "a.doc")),
    ("attachment_page", attached(b"<html><p>a saved page</p>", "page.html")),
    ("template_unfilled", mail(ADA, subject="[USRP-users] a question about {gain}"[:34])),
]


@pytest.mark.parametrize(
    ("code", "message"), HONEST, ids=[f"{code}-{number}" for number, (code, _) in enumerate(HONEST)]
)
def test_an_honest_mail_that_comes_close_has_not(code: str, message: Parsed) -> None:
    assert code not in signals(message)


def test_our_servers_word_weighs_most() -> None:
    assert "authentication_failed" in signals(mail(ADA, authentication_results=failing("firm.example")))
    assert "dmarc_failed" not in signals(mail(ADA, authentication_results=failing("firm.example")))


def test_no_signal_but_a_program_and_blackmail_nearly_decides_alone() -> None:
    alone = {code for code, weight in weights().items() if weight.points >= 5}
    assert alone == {"attachment_runs", "attachment_runs_inside"}


def test_every_weight_is_a_signal_of_the_code_with_a_sentence() -> None:
    """A weight that nothing yields would be a promise not kept; each sentence fills its gaps."""
    tested = {code for code, _ in SHOWN} | {"own_forged", "authentication_failed"}
    kinds = {code for code in weights() if code.startswith("says_")}
    rare = {
        "brand_beside_sender", "reply_to_stranger", "picture_mostly", "fancy_letters_within", "greets_a_stranger",
        "invisible_letters_within", "mixed_letters_within", "attachment_macros", "attachment_runs_inside",
        "attachment_encrypted", "attachment_pdf_active", "text_freemail", "business_by_freemail",
    }  # fmt: skip
    assert weights().keys() == tested | kinds | rare
    assert all(weight.says.endswith((".", "}")) and weight.points > 0 for weight in weights().values())
