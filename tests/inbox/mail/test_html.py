import pytest

from tests.inbox.mail.messages import codes, page


@pytest.mark.parametrize(
    "hidden",
    [
        "<div style='display:none'>secret</div>",
        "<div style='DISPLAY : NONE !important'>secret</div>",
        "<div style='visibility:hidden'>secret</div>",
        "<div style='font-size:0'>secret</div>",
        "<div style='font-size:1px'>secret</div>",
        "<div style='opacity:0'>secret</div>",
        "<div style='color:#fff'>secret</div>",
        "<div style='color:#fefefe;background:#ffffff'>secret</div>",
        "<div style='background-color:#123456'><span style='color:rgb(18,52,86)'>secret</span></div>",
        "<td bgcolor='#000000'><font color='#000000'>secret</font></td>",
        "<div style='position:absolute;left:-9999px'>secret</div>",
        "<div style='text-indent:-9999px'>secret</div>",
        "<div style='max-height:0;overflow:hidden'>secret</div>",
        "<div style='mso-hide:all'>secret</div>",
        "<div hidden>secret</div>",
        "<div style='display:none'><p><b>secret</b></p></div>",
        "<style>.pre{display:none}</style><div class='x pre'>secret</div>",
        "<style>/* a */ p .pre, .b { color: red; display:none !important }</style><div class='b'>secret</div>",
    ],
)
def test_what_a_reader_cannot_see_is_hidden_text(hidden: str) -> None:
    mail = page(f"<table><tr><td>before</td></tr></table>{hidden}<p>after")
    assert mail.hidden_text == "secret"
    assert mail.text.split() == ["before", "after"]


@pytest.mark.parametrize(
    "shown",
    [
        "<div style='color:#ffffff;background-color:#0b5fff'>seen</div>",
        "<div style='color:white;background:url(x.png)'>seen</div>",
        "<td background='x.png'><font color='#ffffff'>seen</font></td>",
        "<style>@media (max-width:600px){.m{display:none}}</style><div class='m'>seen</div>",
        "<div style='font-size:0.9em'>seen</div>",
        "<div style='max-height:0'>seen</div>",
        "<div style='font-size:0'><span>un</span></div><b>seen</b>",
        "<!--[if mso]><i>outlook</i><![endif]--><!--[if !mso]><!-->seen<!--<![endif]-->",
        "<script>var a = '<b>no</b>';</script><style>p{}</style>seen",
        "<p style='display:none'>no<p>seen",
        "<p>see<!-- a > b -->n",
    ],
)
def test_what_a_reader_sees_is_text(shown: str) -> None:
    assert page(shown).text == "seen"


def test_links_carry_what_is_shown_for_them() -> None:
    mail = page(
        "<a href=' https://evil.example/a\n b '>https://bank.example</a>"
        "<a href='https://x.example'><img src='https://i.example/b.png' alt='Pay now'></a>"
        "<map><area href='https://y.example' alt='here'></map><a name='top'>no link</a>"
    )
    assert [(link.href, link.text, link.kind, link.image) for link in mail.links] == [
        ("https://evil.example/ab", "https://bank.example", "a", False),
        ("https://x.example", "Pay now", "a", True),
        ("https://y.example", "here", "area", True),
    ]
    assert mail.image_links == ("https://i.example/b.png",)
    assert mail.image_texts == ("Pay now",)


def test_forms_refreshes_and_frames_are_links_too() -> None:
    mail = page(
        "<meta http-equiv='Refresh' content='0; URL=https://go.example/'><form action='https://f.example'>"
        "<input type=password>"
        "<button formaction='https://g.example'>x</button></form><iframe src='https://h.example'></iframe><script>1</script>"
    )
    assert [(link.kind, link.href) for link in mail.links] == [
        ("refresh", "https://go.example/"),
        ("form", "https://f.example"),
        ("form", "https://g.example"),
        ("frame", "https://h.example"),
    ]
    assert (mail.forms, mail.password_fields, mail.scripts) == (1, 1, 1)


def test_a_base_address_completes_relative_links() -> None:
    mail = page(
        "<base href='https://evil.example/x/'><a href='login'>a</a><a href='mailto:a@b.no'>b</a><a href='#c'>c</a>"
    )
    assert [link.href for link in mail.links] == ["https://evil.example/x/login", "mailto:a@b.no", "#c"]


def test_a_namespace_is_no_link() -> None:
    mail = page(
        "<html xmlns='http://www.w3.org/1999/xhtml' xmlns:v='urn:schemas-microsoft-com:vml'><body>x</body></html>"
    )
    assert mail.links == ()


def test_a_picture_of_one_pixel_is_no_picture() -> None:
    mail = page(
        "<img src='https://t.example/1.gif' width='1' height='1px'><img src='https://t.example/2.gif' width='600'>"
    )
    assert mail.image_links == ("https://t.example/2.gif",)


def test_pictures_within_the_mail_are_not_remote() -> None:
    assert page("<img src='cid:logo'><img src='data:image/png;base64,AA'>").remote_images == 0


def test_entities_and_script_addresses_are_read_as_browsers_do() -> None:
    mail = page(
        "<a href='java&#115;cript:alert(1)'>a</a><a href='https&colon;//x.example/?a=1&amp;b=2'>&lt;b&gt;</a>"
    )
    assert [link.href for link in mail.links] == ["javascript:alert(1)", "https://x.example/?a=1&b=2"]
    assert "<b>" in mail.text


def test_table_cells_and_lines_stay_apart() -> None:
    assert (
        page("<table><tr><td>Sum</td><td>100</td></tr><tr><td>Tax</td></tr></table>a<br>b").text
        == "Sum 100\nTax\na\nb"
    )


def test_an_endless_page_is_cut_and_noted() -> None:
    mail = page("<p>first</p>" + "<i>x</i>" * 100_000 + "last")
    assert mail.text.startswith("first")
    assert "last" not in mail.text
    assert "html_too_large" in codes(mail)
